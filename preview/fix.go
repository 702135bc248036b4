// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// fix returns the edits with which a container, at a pointer in the object, has by its manifest
// what an exception of a profile would give it; nil where no manifest can say that: that a
// setting stays unset, or that a capability is added that only the author can judge.
func (s *source) fix(e *evidence.Exception, container, at string) []yamledit.Edit {
	if e == nil || len(e.Add) > 0 {
		return nil
	}
	values, ok := explicit(e)
	if !ok {
		return nil
	}
	additions, ok := s.emptyDirs(e.WritablePaths, container, at)
	if !ok {
		return nil
	}
	return s.added(append(s.chosen(at+"/securityContext", values), additions...))
}

// optOuts are the values with which a container keeps what it has without a setting.
var optOuts = map[string]json.RawMessage{
	"allowPrivilegeEscalation": json.RawMessage("true"),
	"readOnlyRootFilesystem":   json.RawMessage("false"),
	"runAsNonRoot":             json.RawMessage("false"),
}

// explicit returns the settings with which a container has what an exception leaves and gives
// it; false where its security context cannot say that.
func explicit(e *evidence.Exception) (map[string]json.RawMessage, bool) {
	values := map[string]json.RawMessage{}
	for _, field := range e.Leave {
		if optOuts[field] == nil {
			return nil, false
		}
		values[field] = optOuts[field]
	}
	for name, value := range e.Container {
		if field := defaults.FieldByName(name); field == nil || field.Levels&defaults.ContainerLevel == 0 {
			return nil, false
		}
		values[name] = value
	}
	return values, true
}

// A volume and a volumeMount are those of core/v1, as far as fixes add them.
type (
	volume struct {
		Name     string   `json:"name"`
		EmptyDir struct{} `json:"emptyDir"`
	}
	volumeMount struct {
		Name      string `json:"name"`
		MountPath string `json:"mountPath"`
	}
)

// emptyDirs returns the additions that mount an emptyDir at each of the paths of a container;
// false if the object cannot be read.
func (s *source) emptyDirs(paths []string, container, at string) ([]yamledit.Addition, bool) {
	if len(paths) == 0 {
		return nil, true
	}
	pod, found := s.podVolumes()
	if !found {
		return nil, false
	}
	taken := map[string]bool{}
	for _, v := range pod.Volumes {
		taken[v.Name] = true
	}
	var volumes, mounts []any
	for _, path := range paths {
		name := volumeName(container, path, taken)
		taken[name] = true
		volumes = append(volumes, volume{Name: name})
		mounts = append(mounts, volumeMount{name, path})
	}
	return append(appended(s.template+"/spec/volumes", volumes, len(pod.Volumes) > 0),
		appended(at+"/volumeMounts", mounts, pod.mounts(at) > 0)...), true
}

// appended returns the additions to a list, which may not be there.
func appended(list string, values []any, isThere bool) []yamledit.Addition {
	if !isThere {
		return []yamledit.Addition{{Pointer: list, Value: values}}
	}
	var additions []yamledit.Addition
	for _, v := range values {
		additions = append(additions, yamledit.Addition{Pointer: list + "/-", Value: v})
	}
	return additions
}

// podVolumes is what a pod has of volumes.
type podVolumes struct {
	Volumes    []namedVolume     `json:"volumes"`
	Init       []containerMounts `json:"initContainers"`
	Containers []containerMounts `json:"containers"`
	Ephemeral  []containerMounts `json:"ephemeralContainers"`
}

type namedVolume struct {
	Name string `json:"name"`
}

type containerMounts struct {
	Mounts []struct{} `json:"volumeMounts"`
}

// podVolumes reads the volumes of the pod in the object; false if that cannot be read.
func (s *source) podVolumes() (*podVolumes, bool) {
	places, _ := s.object.Templates()
	for _, at := range places {
		var template struct {
			Spec podVolumes `json:"spec"`
		}
		if string(at.Pointer) == s.template && jsonv2.Unmarshal(at.Text, &template) == nil {
			return &template.Spec, true
		}
	}
	return nil, false
}

// mounts returns how many mounts the container at a pointer has, whose last two parts are the
// list and the index.
func (p *podVolumes) mounts(at string) int {
	parts := strings.Split(at, "/")
	for name, list := range map[string][]containerMounts{"initContainers": p.Init, "containers": p.Containers, "ephemeralContainers": p.Ephemeral} {
		for i, c := range list {
			if parts[len(parts)-2] == name && parts[len(parts)-1] == fmt.Sprint(i) {
				return len(c.Mounts)
			}
		}
	}
	return 0
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// volumeName returns a name for the volume of a container at a path, such as web-var-cache,
// that is not taken.
func volumeName(container, path string, taken map[string]bool) string {
	base := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(container+path), "-"), "-")
	if base == "" {
		base = "writable"
	}
	for i := 1; ; i++ {
		suffix := ""
		if i > 1 {
			suffix = fmt.Sprintf("-%d", i)
		}
		name := strings.Trim(base[:min(len(base), validation.DNS1123LabelMaxLength-len(suffix))], "-") + suffix
		if !taken[name] {
			return name
		}
	}
}
