// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// Every kind of volume that the API has is placed, and has its name from there.
// Where its source or the claim can be read-only, that is heard.
func TestEveryVolumeIsClassified(t *testing.T) {
	sources := reflect.TypeFor[corev1.VolumeSource]()
	for i := range sources.NumField() {
		field := sources.Field(i)
		want, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		t.Run(want, func(t *testing.T) {
			var source corev1.VolumeSource
			one := reflect.New(field.Type.Elem())
			reflect.ValueOf(&source).Elem().Field(i).Set(one)
			v := classify(&source)
			if v.Type != want || v.Kind == unknownVolume {
				t.Errorf("it is classified as %q, kind %d", v.Type, v.Kind)
			}
			if v.ReadOnly != (v.Kind == readOnlyFiles) {
				t.Errorf("read-only without being asked to: %t", v.ReadOnly)
			}
			switch readOnly := one.Elem().FieldByName("ReadOnly"); {
			case !readOnly.IsValid():
				return
			case readOnly.Kind() == reflect.Pointer:
				readOnly.Set(reflect.ValueOf(ptr(true)))
			default:
				readOnly.SetBool(true)
			}
			if !classify(&source).ReadOnly {
				t.Error("readOnly: true is not heard")
			}
		})
	}
	if v := classify(&corev1.VolumeSource{}); v.Kind != unknownVolume {
		t.Errorf("no source at all is kind %d", v.Kind)
	}
}

// The text of a hazard stays readable where a container mounts half the node.
func TestFew(t *testing.T) {
	for want, words := range map[string][]string{
		"":                      nil,
		"a":                     {"a"},
		"a and b":               {"a", "b"},
		"a, b, c and d":         {"a", "b", "c", "d"},
		"a, b, c, d and 2 more": {"a", "b", "c", "d", "e", "f"},
	} {
		if got := few(slices.Clone(words)); got != want {
			t.Errorf("few(%q) is %q, want %q", words, got, want)
		}
	}
}
