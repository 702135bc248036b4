// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"embed"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// A Profile is a named set of defaults.
type Profile struct {
	Name      string
	Container []Default // filled in on each container, in the order of [Fields]
	Pod       []Default // filled in at pod level, in the order of [Fields]
}

// A Default is a field with the value that a profile gives it.
type Default struct {
	Field *Field
	Value Value
}

// A Value is what a profile gives a field, in two forms of the same thing.
type Value struct {
	JSON  jsontext.Value // as it goes into the pod
	Typed any            // as the field of the API type holds it: *bool, []corev1.Capability, …
}

// The schema of a profile file.
const (
	profileAPIVersion = "caseharden.io/v1alpha1"
	profileKind       = "Profile"
)

type profileFile struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Container corev1.SecurityContext    `json:"container"`
		Pod       corev1.PodSecurityContext `json:"pod"`
	} `json:"spec"`
}

//go:embed profiles/*.yaml
var builtins embed.FS

// Builtin returns the profiles that are part of the program, in the order of
// their names.
func Builtin() ([]*Profile, error) {
	entries, err := builtins.ReadDir("profiles")
	if err != nil {
		return nil, err
	}
	var profiles []*Profile
	for _, entry := range entries {
		data, err := builtins.ReadFile("profiles/" + entry.Name())
		if err != nil {
			return nil, err
		}
		p, err := parseProfile(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		profiles = append(profiles, p)
	}
	return profiles, nil
}

// parseProfile reads a profile from YAML. Decoding is strict: an unknown or
// repeated field is an error.
func parseProfile(data []byte) (*Profile, error) {
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, err
	}
	var file profileFile
	if err := json.Unmarshal(asJSON, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if file.APIVersion != profileAPIVersion || file.Kind != profileKind {
		return nil, fmt.Errorf("is %s %q, must be %s %q", file.APIVersion, file.Kind, profileAPIVersion, profileKind)
	}
	if file.Metadata.Name == "" {
		return nil, errors.New("metadata.name: must be set")
	}
	p := &Profile{Name: file.Metadata.Name}
	if p.Container, err = defaultsIn(ContainerLevel, file.Spec.Container); err != nil {
		return nil, fmt.Errorf("spec.container.%w", err)
	}
	if p.Pod, err = defaultsIn(PodLevel, file.Spec.Pod); err != nil {
		return nil, fmt.Errorf("spec.pod.%w", err)
	}
	return p, nil
}

// defaultsIn lists what is set in a SecurityContext or PodSecurityContext.
func defaultsIn(level Level, securityContext any) ([]Default, error) {
	var defaults []Default
	for _, f := range catalogue {
		if f.Levels&level == 0 {
			continue
		}
		typed, set := valueAt(reflect.ValueOf(securityContext), f.Name)
		if !set {
			continue
		}
		if f.AuthorOnly {
			return nil, fmt.Errorf("%s: only the author of a pod can set it", f.Name)
		}
		raw, err := json.Marshal(typed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		defaults = append(defaults, Default{Field: f, Value: Value{JSON: raw, Typed: typed}})
	}
	return defaults, nil
}

// valueAt finds a field by its path of JSON names, such as "capabilities.drop".
// A nil pointer and an empty list count as unset.
func valueAt(object reflect.Value, path string) (value any, set bool) {
	name, rest, nested := strings.Cut(path, ".")
	for i := range object.NumField() {
		jsonName, _, _ := strings.Cut(object.Type().Field(i).Tag.Get("json"), ",")
		if jsonName != name {
			continue
		}
		field := object.Field(i)
		switch {
		case field.Kind() == reflect.Pointer && field.IsNil(), field.Kind() == reflect.Slice && field.Len() == 0:
			return nil, false
		case nested:
			return valueAt(field.Elem(), rest)
		default:
			return field.Interface(), true
		}
	}
	panic(fmt.Sprintf("internal error: %s has no field %q", object.Type(), path))
}
