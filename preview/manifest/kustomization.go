// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// What a kustomization is, though its file need not say so.
const (
	KustomizationVersion = "kustomize.config.k8s.io/v1beta1"
	KustomizationKind    = "Kustomization"
)

// kustomizationNames are the files that kustomize looks for in a directory.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// IsKustomization reports whether kustomize takes a file for a kustomization, by its name.
func (f *File) IsKustomization() bool { return isKustomization(f.Name) }

func isKustomization(name string) bool {
	return slices.Contains(kustomizationNames, filepath.Base(name))
}

// kustomizationPaths are the fields of a kustomization that name files which are no
// manifests. A dot leads to a field of each element, and key=file names a file too. The
// resources, bases and components of a kustomization are manifests.
var kustomizationPaths = []string{
	"patches.path", "patchesStrategicMerge", "patchesJson6902.path", "replacements.path",
	"configMapGenerator.files", "configMapGenerator.envs", "configMapGenerator.env",
	"secretGenerator.files", "secretGenerator.envs", "secretGenerator.env",
	"generators", "transformers", "validators", "configurations", "crds", "openapi.path",
	"helmCharts.valuesFile", "helmCharts.additionalValuesFiles",
}

// notePatches notes the files that a kustomization names, other than as a resource: they
// are patches and other parts, and no manifests.
func notePatches(files []*File) {
	named := map[string]string{}
	for _, f := range files {
		var fields any
		if !isKustomization(f.Name) || yaml.Unmarshal(f.Data, &fields) != nil {
			continue
		}
		for _, path := range kustomizationPaths {
			eachString(fields, strings.Split(path, "."), func(text string) {
				_, name, found := strings.Cut(text, "=")
				if !found {
					name = text
				}
				named[target(filepath.Join(filepath.Dir(f.Name), name))] = f.Name
			})
		}
	}
	if len(named) == 0 {
		return
	}
	for _, f := range files {
		if by := named[target(f.Name)]; by != "" && f.Name != Stdin {
			for _, d := range f.Documents {
				d.Patch = "a patch or other input of the kustomization " + by
				d.IsManifest = false
			}
		}
	}
}

// eachString calls f with each string at a path, through lists.
func eachString(value any, path []string, f func(string)) {
	switch value := value.(type) {
	case string:
		if len(path) == 0 {
			f(value)
		}
	case []any:
		for _, item := range value {
			eachString(item, path, f)
		}
	case map[string]any:
		if len(path) > 0 {
			eachString(value[path[0]], path[1:], f)
		}
	}
}

// PatchDirective says that an object is a patch by a name in it that only patches have, such
// as $patch; "" if it has none.
func (o *Object) PatchDirective() string {
	raw := o.Raw
	if !bytes.Contains(raw, []byte(`"$`)) {
		return ""
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return ""
		}
		if kind, length := dec.StackIndex(dec.StackDepth()); token.Kind() != '"' || kind != '{' || length%2 == 0 {
			continue // no name of a member
		}
		name, _, _ := strings.Cut(token.String(), "/")
		if slices.Contains([]string{"$patch", "$retainKeys", "$setElementOrder", "$deleteFromPrimitiveList"}, name) {
			return "a patch: it has " + name
		}
	}
}

// MissingImage says that a pod template is part of a patch, as a container has no image,
// which the API demands; "" if all have one.
func MissingImage(pod *corev1.PodTemplateSpec) string {
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range containers {
			if c.Image == "" {
				return fmt.Sprintf("a patch: container %q has no image", c.Name)
			}
		}
	}
	return ""
}
