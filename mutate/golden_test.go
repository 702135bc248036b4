// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/internal/doctest"
)

// A golden file holds a comment, pod.yaml (and old.yaml for an update of the
// ephemeral containers), and what is wanted of each mode with profile hardened,
// or with the one named in a section profile:
//
//	want.patch      of enforce, an operation on a line
//	want.audit      of enforce, the audit annotations
//	want.debugging  of enforce, the warnings; only with old.yaml
//	want.warnings   of warn
func TestGolden(t *testing.T) {
	doctest.Golden(t, func(t *testing.T, file *txtar.Archive) map[string]string {
		sections := map[string]string{}
		for _, f := range file.Files {
			sections[f.Name] = string(f.Data)
		}
		return answers(t, sections)
	})
}

func answers(t *testing.T, sections map[string]string) map[string]string {
	t.Helper()
	toJSON := func(section string) string {
		data, err := yaml.YAMLToJSONStrict([]byte(section))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	profile := "hardened"
	if p, ok := sections["profile"]; ok {
		profile = strings.TrimSpace(p)
	}
	request := create(toJSON(sections["pod.yaml"]))
	if old, ok := sections["old.yaml"]; ok {
		request = updateEphemeral(toJSON(old), toJSON(sections["pod.yaml"]))
	}
	w := newWebhook(t)
	enforced := w.review(t, "/enforce/"+profile, request)
	warned := w.review(t, "/warn/"+profile, request)
	audited := w.review(t, "/audit/"+profile, request)

	_, debugging := sections["old.yaml"]
	if enforced.Warnings != nil && !debugging || warned.Patch != nil || audited.Patch != nil || audited.Warnings != nil {
		t.Error("only enforce may patch, and only warn may warn, but for debug containers")
	}
	for auditKey, key := range map[string]string{"would-inject": "injected", "skipped": "skipped"} {
		want := cmp.Or(enforced.AuditAnnotations[key], enforced.AuditAnnotations[key+"-on-reinvocation"])
		if got := audited.AuditAnnotations[auditKey]; got != want {
			t.Errorf("audit says %s %s, and enforce %s", auditKey, got, want)
		}
	}

	got := map[string]string{"want.patch": "", "want.audit": "", "want.warnings": ""}
	var operations []json.RawMessage
	if enforced.Patch != nil {
		if err := json.Unmarshal(enforced.Patch, &operations); err != nil {
			t.Fatal(err)
		}
	}
	for _, operation := range operations {
		got["want.patch"] += string(bytes.TrimSpace(operation)) + "\n"
	}
	for _, key := range slices.Sorted(maps.Keys(enforced.AuditAnnotations)) {
		got["want.audit"] += fmt.Sprintf("%s: %s\n", key, enforced.AuditAnnotations[key])
	}
	if debugging {
		got["want.debugging"] = ""
	}
	for _, warning := range enforced.Warnings {
		got["want.debugging"] += warning + "\n"
	}
	for _, warning := range warned.Warnings {
		got["want.warnings"] += warning + "\n"
	}
	return got
}
