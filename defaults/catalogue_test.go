// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// The API's own types are the oracle: a field that Kubernetes adds fails this
// test until the catalogue places it.
func TestCataloguePlacesEveryField(t *testing.T) {
	want := map[string]Level{}
	placeFields(want, ContainerLevel, "", reflect.TypeFor[corev1.SecurityContext]())
	placeFields(want, PodLevel, "", reflect.TypeFor[corev1.PodSecurityContext]())

	got := map[string]Level{}
	for _, f := range Fields() {
		if _, twice := got[f.Name]; twice {
			t.Errorf("field %s is in the catalogue twice", f.Name)
		}
		got[f.Name] = f.Levels
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields and their levels (-API +catalogue):\n%s", diff)
	}
}

func placeFields(fields map[string]Level, level Level, prefix string, object reflect.Type) {
	for i := range object.NumField() {
		field := object.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Type == reflect.TypeFor[*corev1.Capabilities]() {
			placeFields(fields, level, prefix+name+".", field.Type.Elem())
			continue
		}
		fields[prefix+name] |= level
	}
}

func TestCatalogueIsInOrder(t *testing.T) {
	names := make([]string, 0, len(catalogue))
	for _, f := range Fields() {
		names = append(names, f.Name)
	}
	if !slices.IsSorted(names) {
		t.Errorf("the catalogue is not in the order of names: %v", names)
	}
	if n := len(names); n > 32 {
		t.Errorf("the catalogue has %d fields, and a fieldSet room for 32", n)
	}
}

func TestFieldsCannotBeChangedByCallers(t *testing.T) {
	Fields()[0] = nil
	if catalogue[0] == nil {
		t.Error("Fields returned the catalogue itself")
	}
}
