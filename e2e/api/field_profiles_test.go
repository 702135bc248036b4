// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// A fieldProfile is a profile that has one default and nothing else.
type fieldProfile struct {
	name  string
	field string // below securityContext: capabilities.drop
	value string // YAML
	pod   bool   // at pod level
}

func (p fieldProfile) manifest() string {
	level := "container"
	if p.pod {
		level = "pod"
	}
	return fmt.Sprintf("apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: %s}\nspec: {%s: %s}\n", p.name, level, yamlOf(p.field, p.value))
}

// A fieldLevels says where the API has a field.
type fieldLevels struct{ container, pod bool }

// apiFields are the fields of both security contexts, as the types of the API have
// them; capabilities are two.
var apiFields = func() map[string]fieldLevels {
	fields := map[string]fieldLevels{}
	var place func(prefix string, object reflect.Type, pod bool)
	place = func(prefix string, object reflect.Type, pod bool) {
		for i := range object.NumField() {
			f := object.Field(i)
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type == reflect.TypeFor[*corev1.Capabilities]() {
				place(tag+".", f.Type.Elem(), pod)
				continue
			}
			levels := fields[prefix+tag]
			levels.container = levels.container || !pod
			levels.pod = levels.pod || pod
			fields[prefix+tag] = levels
		}
	}
	place("", reflect.TypeFor[corev1.SecurityContext](), false)
	place("", reflect.TypeFor[corev1.PodSecurityContext](), true)
	return fields
}()

// allowedValues returns the values of each field that profiles may have by the unit
// tests.
func allowedValues() (map[string][]string, error) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "defaults", "testdata", "values.yaml"))
	if err != nil {
		return nil, err
	}
	var values map[string]struct{ Allowed, Refused []string }
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		return nil, err
	}
	allowed := map[string][]string{}
	for field, v := range values {
		allowed[field] = v.Allowed
	}
	return allowed, nil
}

// fieldProfiles returns a profile for each level and value of each field.
func fieldProfiles() ([]fieldProfile, error) {
	values, err := allowedValues()
	if err != nil {
		return nil, err
	}
	var profiles []fieldProfile
	for _, field := range slices.Sorted(maps.Keys(values)) {
		for i, value := range values[field] {
			name := strings.ToLower(strings.ReplaceAll(field, ".", "-"))
			if apiFields[field].container {
				profiles = append(profiles, fieldProfile{fmt.Sprintf("container-%s-%d", name, i), field, value, false})
			}
			if apiFields[field].pod {
				profiles = append(profiles, fieldProfile{fmt.Sprintf("pod-%s-%d", name, i), field, value, true})
			}
		}
	}
	return profiles, nil
}

// profileOf returns the profile that has the value.
func profileOf(t *testing.T, field, value string, pod bool) fieldProfile {
	t.Helper()
	profiles, err := fieldProfiles()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(profiles, func(p fieldProfile) bool { return p.field == field && p.value == value && p.pod == pod })
	if i < 0 {
		t.Fatalf("defaults/testdata/values.yaml does not allow %s: %s", field, value)
	}
	return profiles[i]
}

// podObject reads a pod from YAML, as JSON has it.
func podObject(t *testing.T, manifest string) map[string]any {
	t.Helper()
	data, err := json.Marshal(pod(t, manifest))
	if err != nil {
		t.Fatal(err)
	}
	object, err := toMap(data)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// setField returns a copy of the pod with a value at pod level, or in each of its
// containers.
func setField(t *testing.T, object map[string]any, field, value string, pod bool) map[string]any {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	set, err := toMap(raw)
	if err != nil {
		t.Fatal(err)
	}
	spec := set["spec"].(map[string]any)
	in := []map[string]any{spec}
	if !pod {
		in = nil
		for _, list := range []string{"initContainers", "containers"} {
			containers, _ := spec[list].([]any)
			for _, c := range containers {
				in = append(in, c.(map[string]any))
			}
		}
	}
	for _, object := range in {
		var typed any
		if err := yaml.Unmarshal([]byte(value), &typed); err != nil {
			t.Fatal(err)
		}
		if n, ok := typed.(float64); ok {
			typed = int64(n)
		}
		path := append([]string{"securityContext"}, strings.Split(field, ".")...)
		if err := unstructured.SetNestedField(object, typed, path...); err != nil {
			t.Fatal(err)
		}
	}
	return set
}
