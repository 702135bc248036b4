// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// What a kustomization names, other than as a resource, is no manifest, and is neither
// changed nor written.
func TestPatchesOfKustomizationsAreNoManifests(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"
	for name, tt := range map[string]struct {
		kustomization string
		manifest      bool
	}{
		"a resource":          {"resources: [sub/pod.yaml]", true},
		"not named":           {"namePrefix: x", true},
		"patches":             {"patches: [{path: sub/pod.yaml}]", false},
		"patches, further in": {"patches:\n- target: {kind: Pod}\n  path: ./sub/../sub/pod.yaml", false},
		"strategic merge":     {"patchesStrategicMerge: [sub/pod.yaml]", false},
		"JSON 6902":           {"patchesJson6902: [{target: {version: v1, kind: Pod, name: p}, path: sub/pod.yaml}]", false},
		"a generator":         {"configMapGenerator: [{name: x, files: [pod=sub/pod.yaml]}]", false},
		"a component":         {"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: sub/pod.yaml}]", false},
		"a value":             {"configMapGenerator: [{name: x, literals: [file=sub/pod.yaml]}]", true},
		"an annotation":       {"commonAnnotations: {source: sub/pod.yaml}", true},
		"a patch's text":      {"patches: [{patch: sub/pod.yaml}]", true},
		"not YAML":            {"a: b: c", true},
	} {
		for _, base := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
			t.Run(name+" "+base, func(t *testing.T) {
				t.Parallel()
				inputs := []manifest.Input{
					{Name: filepath.Join("dir", base), Data: []byte(tt.kustomization), Found: true},
					{Name: filepath.Join("dir", "sub", "pod.yaml"), Data: []byte(pod), Found: true},
				}
				p := preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{})
				want, reason := pod, "a patch or other input of the kustomization "+inputs[0].Name
				if tt.manifest {
					want, reason = written(t, preview.New(profiletest.Builtin(t, "hardened"), inputs[1:], preview.Options{}), "yaml"), ""
				} else {
					want = ""
				}
				if got := p.Workloads[0].Excluded; got != reason {
					t.Errorf("excluded: %q, want %q", got, reason)
				}
				p.Files = p.Files[1:]
				if diff := gocmp.Diff(want, written(t, p, "yaml")); diff != "" {
					t.Errorf("-o yaml (-want +got):\n%s", diff)
				}
				if diff := written(t, p, "diff"); (diff != "") != tt.manifest {
					t.Errorf("-o diff: %s", diff)
				}
			})
		}
	}
}

// Objects that the API would refuse without what they are merged with are patches.
func TestPartialObjectsArePatches(t *testing.T) {
	t.Parallel()
	const template = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: "
	for text, want := range map[string]string{
		template + "{containers: [{name: a, image: i}]}}}":                                                "",
		template + "{containers: [{name: a, image: i}, {name: b}]}}}":                                     `a patch: container "b" has no image`,
		template + "{initContainers: [{name: a}], containers: [{name: b, image: i}]}}}":                   `a patch: container "a" has no image`,
		template + "{containers: [{name: a, image: i, $patch: delete}]}}}":                                "a patch: it has $patch",
		template + "{$setElementOrder/containers: [{name: a}], containers: [{name: a, image: i}]}}}":      "a patch: it has $setElementOrder",
		template + "{containers: [{name: a, image: i, env: [{name: $patch, value: \"$patch\"}]}]}}}":      "",
		template + "{containers: [{name: a, image: i, command: [sh, -c, \"echo \\\"$patch\\\": x\"]}]}}}": "",
	} {
		p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(text)}}, preview.Options{})
		if len(p.Errors) > 0 || p.Workloads[0].Excluded != want {
			t.Errorf("%s: excluded %q, want %q; errors %v", text, p.Workloads[0].Excluded, want, p.Errors)
		}
	}
}
