// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// A finding has the edits that say in the manifest what its exception says in a profile, and
// none where the manifest cannot say it.
func TestFixes(t *testing.T) {
	const yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: i\n  - name: b\n    image: i\n    securityContext:\n      runAsNonRoot: true\n"
	const json1 = `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"i"},{"name":"b","image":"i","securityContext":{"runAsNonRoot":true}}]}}]}`
	uid := map[string]json.RawMessage{"runAsUser": json.RawMessage("101")}
	for name, c := range map[string]struct {
		container  string
		exception  *evidence.Exception
		yaml, json string // what is added
	}{
		"another user":          {"a", &evidence.Exception{Container: uid}, "    securityContext:\n      runAsUser: 101\n", `,"securityContext":{"runAsUser":101}`},
		"in the context":        {"b", &evidence.Exception{Container: uid}, "      runAsUser: 101\n", `,"runAsUser":101`},
		"an opt-out":            {"b", &evidence.Exception{Leave: []string{"readOnlyRootFilesystem"}, Container: uid}, "      readOnlyRootFilesystem: false\n      runAsUser: 101\n", `,"readOnlyRootFilesystem":false,"runAsUser":101`},
		"nothing says unset":    {"a", &evidence.Exception{Leave: []string{"runAsUser"}}, "", ""},
		"paths need volumes":    {"a", &evidence.Exception{WritablePaths: []string{"/tmp"}}, "", ""},
		"of a pod":              {"a", &evidence.Exception{Container: map[string]json.RawMessage{"fsGroup": json.RawMessage("5")}}, "", ""},
		"no exception is known": {"a", nil, "", ""},
		"of no container":       {"", &evidence.Exception{Container: uid}, "", ""},
	} {
		for text, want := range map[string]string{yaml: c.yaml, json1: c.json} {
			o := Options{Locate: true}
			b, files := build(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(text)}}, o)
			b.report.Workloads[0].Findings = []evidence.Finding{{ID: "x", Container: c.container, Settings: []string{"runAsUser"}, Verdict: evidence.Risk, Severity: evidence.High, Exception: c.exception}}
			w := b.finish(files, o).Workloads[0]
			if len(w.Fixes) != 1 {
				t.Fatalf("%s: %d fixes", name, len(w.Fixes))
			}
			added := ""
			for _, e := range w.Fixes[0] {
				added += e.Text
			}
			if added != want {
				t.Errorf("%s: the fix adds %q, want %q", name, added, want)
			}
			if want != "" && len(yamledit.Apply([]byte(text), w.Fixes[0])) != len(text)+len(want) {
				t.Errorf("%s: the fix is not an addition", name)
			}
			if text == yaml && (w.Containers[0].Line != 6 || w.Containers[1].Line != 8) {
				t.Errorf("%s: containers on lines %d and %d", name, w.Containers[0].Line, w.Containers[1].Line)
			}
		}
	}
}

// A document that would have to be parsed too often has lines, and no edits.
func TestManyContainersHaveNoEdits(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: List\nitems:\n")
	for range 600 {
		text.WriteString("- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  spec:\n    containers:\n    - {name: a, image: i}\n")
	}
	r := New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: []byte(text.String())}}, Options{Locate: true})
	last := r.Workloads[599].Containers[0]
	if last.Line != 3+600*6 || last.Edits != nil {
		t.Errorf("line %d, edits %v", last.Line, last.Edits)
	}
}
