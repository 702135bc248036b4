// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePod(t *testing.T) {
	uid := int64(7)
	setOf := func(names ...string) (set fieldSet) {
		for _, name := range names {
			set |= fieldByName[name].bit
		}
		return set
	}
	for _, tt := range []struct {
		name, json string
		want       Pod
	}{
		{"nothing", `{}`, Pod{}},
		{"null", `null`, Pod{}},
		{"nulls", `{"metadata":null,"spec":null}`, Pod{}},
		{"empty objects", `{"metadata":{"annotations":{}},"spec":{"securityContext":{}}}`,
			Pod{HasMetadata: true, HasAnnotations: true, HasSpec: true, Annotations: map[string]string{}, SecurityContext: SecurityContext{Present: true}}},
		{"lists keep the index of what follows a null", `{"spec":{"containers":[null,{"name":"b"}],"initContainers":[],"ephemeralContainers":null}}`,
			Pod{HasSpec: true, Containers: []Container{{Type: Regular, Index: 1, Name: "b"}}}},
		{"init, regular, ephemeral", `{"spec":{"ephemeralContainers":[{"name":"c"}],"containers":[{"name":"b"}],"initContainers":[{"name":"a"}]}}`,
			Pod{HasSpec: true, Containers: []Container{{Type: Init, Name: "a"}, {Type: Regular, Name: "b"}, {Type: Ephemeral, Name: "c"}}}},
		{"escaped names", `{"sp\u0065c":{"containers":[{"n\u0061me":"\u0061","securityContext":{"runAs\u0055ser":7}}]}}`,
			Pod{HasSpec: true, Containers: []Container{{Type: Regular, Name: "a", SecurityContext: SecurityContext{Present: true, RunAsUser: &uid, set: setOf("runAsUser")}}}}},
		{"names are case sensitive", `{"Spec":{"containers":[{}]},"spec":{"securityContext":{"runasuser":1}}}`,
			Pod{HasSpec: true, SecurityContext: SecurityContext{Present: true}}},
		{"unknown members, one of which looks like a path", `{"future":1,"spec":{"future":[],"securityContext":{"future":{"runAsUser":1},"capabilities.drop":[]}}}`,
			Pod{HasSpec: true, SecurityContext: SecurityContext{Present: true}}},
		{"runAsNonRoot", `{"spec":{"securityContext":{"runAsNonRoot":true},"containers":[{"securityContext":{"runAsNonRoot":false}}]}}`,
			Pod{HasSpec: true, SecurityContext: SecurityContext{Present: true, RunAsNonRoot: true, set: setOf("runAsNonRoot")},
				Containers: []Container{{Type: Regular, SecurityContext: SecurityContext{Present: true, set: setOf("runAsNonRoot")}}}}},
		{"labels", `{"metadata":{"labels":{"a" : "b"}}}`, Pod{HasMetadata: true, rawLabels: []byte(`{"a" : "b"}`)}},
		{"capabilities", `{"spec":{"containers":[{"securityContext":{"capabilities":{"add":["A"],"drop":null,"future":1}}},{"securityContext":{"capabilities":null}}]}}`,
			Pod{HasSpec: true, Containers: []Container{
				{Type: Regular, SecurityContext: SecurityContext{Present: true, HasCapabilities: true, AddedCapabilities: []string{"A"}, set: setOf("capabilities.add")}},
				{Type: Regular, Index: 1, SecurityContext: SecurityContext{Present: true}},
			}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePod([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Containers) == 0 {
				got.Containers = nil
			}
			if diff := cmp.Diff(&tt.want, got, cmp.AllowUnexported(SecurityContext{}, Pod{})); diff != "" {
				t.Errorf("ParsePod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParsePodRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"a list":                            `[]`,
		"a spec that is a string":           `{"spec":"x"}`,
		"a container that is a number":      `{"spec":{"containers":[1]}}`,
		"a security context that is a list": `{"spec":{"securityContext":[]}}`,
		"capabilities that are a list":      `{"spec":{"containers":[{"securityContext":{"capabilities":[]}}]}}`,
		"a UID that is a string":            `{"spec":{"securityContext":{"runAsUser":"0"}}}`,
		"a UID out of range":                `{"spec":{"securityContext":{"runAsUser":1e30}}}`,
		"a repeated name":                   `{"spec":{"securityContext":{"runAsUser":0,"runAsUser":1}}}`,
		"a repeated name, once escaped":     `{"spec":{"securityContext":{"runAsUser":0,"runAs\u0055ser":1}}}`,
		"half of it":                        `{"spec":{"securityContext":{"runAsUser":0`,
		"something after it":                `{} {}`,
	} {
		t.Run(name, func(t *testing.T) {
			if pod, err := ParsePod([]byte(data)); err == nil {
				t.Errorf("ParsePod = %+v, want an error", pod)
			}
		})
	}
}
