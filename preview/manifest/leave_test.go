// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview/manifest"
)

// Annotations and labels that are meant for Caseharden, and that it does not read.
func TestMisspelledAnnotations(t *testing.T) {
	for _, c := range []struct{ name, pod, want string }{
		{"annotations that have an effect", `{metadata: {annotations: {caseharden.io/leave: runAsUser, caseharden.io/injected: "{}", example.com/leave: x}, labels: {app: leave}}, spec: {containers: [{name: c}]}}`, ""},
		{"an annotation in another letter case", `{metadata: {annotations: {Caseharden.io/Leave: runAsUser}}, spec: {containers: [{name: c}]}}`,
			"metadata.annotations.Caseharden.io/Leave: has no effect: write caseharden.io/leave"},
		{"an annotation with a letter too much", `{metadata: {annotations: {casehardened.io/leave: runAsUser}}, spec: {containers: [{name: c}]}}`,
			"metadata.annotations.casehardened.io/leave: has no effect: write caseharden.io/leave"},
		{"a label for an annotation", `{metadata: {labels: {caseharden.io/leave: runAsUser}}, spec: {containers: [{name: c}]}}`,
			"metadata.labels.caseharden.io/leave: has no effect here: move caseharden.io/leave into metadata.annotations"},
		{"another annotation", `{metadata: {annotations: {caseharden.io/exempt: "true"}, labels: {caseharden.io/enforce: hardened}}, spec: {containers: [{name: c}]}}`,
			"metadata.annotations.caseharden.io/exempt: has no effect: the annotation that Caseharden reads is caseharden.io/leave, in metadata.annotations\n" +
				"metadata.labels.caseharden.io/enforce: has no effect: the annotation that Caseharden reads is caseharden.io/leave, in metadata.annotations"},
		{"no metadata", `{metadata: null, spec: {containers: [{name: c}]}}`, ""},
		{"no annotations", `{metadata: {annotations: [], labels: null}, spec: {containers: [{name: c}]}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := profiletest.FromYAML(t, c.pod)
			var got []string
			for _, m := range (&manifest.Object{APIVersion: "v1", Kind: "Pod", Raw: pod, Document: &manifest.Document{}}).Misspellings(manifest.Place{Text: pod}) {
				got = append(got, m.Message)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("misspellings (-want +got):\n%s", diff)
			}
		})
	}
}
