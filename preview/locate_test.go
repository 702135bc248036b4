// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
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
		"another user":       {"a", &evidence.Exception{Container: uid}, "    securityContext:\n      runAsUser: 101\n", `,"securityContext":{"runAsUser":101}`},
		"in the context":     {"b", &evidence.Exception{Container: uid}, "      runAsUser: 101\n", `,"runAsUser":101`},
		"an opt-out":         {"b", &evidence.Exception{Leave: []string{"readOnlyRootFilesystem"}, Container: uid}, "      readOnlyRootFilesystem: false\n      runAsUser: 101\n", `,"readOnlyRootFilesystem":false,"runAsUser":101`},
		"nothing says unset": {"a", &evidence.Exception{Leave: []string{"runAsUser"}}, "", ""},
		"a path": {"a", &evidence.Exception{WritablePaths: []string{"/tmp"}},
			"    volumeMounts:\n    - name: a-tmp\n      mountPath: /tmp\n  volumes:\n  - name: a-tmp\n    emptyDir: {}\n", `,"volumeMounts":[{"name":"a-tmp","mountPath":"/tmp"}],"volumes":[{"name":"a-tmp","emptyDir":{}}]`},
		"paths and a value": {"b", &evidence.Exception{WritablePaths: []string{"/run", "/var/Lib"}, Container: uid},
			"      runAsUser: 101\n    volumeMounts:\n    - name: b-run\n      mountPath: /run\n    - name: b-var-lib\n      mountPath: /var/Lib\n  volumes:\n  - name: b-run\n    emptyDir: {}\n  - name: b-var-lib\n    emptyDir: {}\n",
			`,"runAsUser":101,"volumeMounts":[{"name":"b-run","mountPath":"/run"},{"name":"b-var-lib","mountPath":"/var/Lib"}],"volumes":[{"name":"b-run","emptyDir":{}},{"name":"b-var-lib","emptyDir":{}}]`},
		"a path, and a capability that nobody knows": {"a", &evidence.Exception{WritablePaths: []string{"/tmp"}, Add: []string{"CHOWN"}}, "", ""},
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

// A fix that mounts an emptyDir resolves its finding, beside volumes and mounts that are there,
// in every form of a manifest.
func TestFixesWithVolumes(t *testing.T) {
	facts := func(image string) *evidence.Known {
		k, _ := known.For(image)
		return k
	}
	const (
		deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n"
		container  = "      containers:\n      - name: web\n        image: nginx:1.27 # the server\n        securityContext: {runAsUser: 101}\n"
		mounts     = "        volumeMounts:\n        - {name: pages, mountPath: /usr/share/nginx/html}\n"
		volumes    = "      volumes:\n      - name: pages\n        configMap: {name: pages}\n      - name: web-run\n        configMap: {name: run}\n"
	)
	for name, text := range map[string]string{
		"none":               deployment + container,
		"both":               deployment + container + mounts + volumes,
		"volumes first":      deployment + volumes + container + mounts,
		"empty lists":        deployment + container + "        volumeMounts: []\n      volumes:\n",
		"flow style":         "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: web, image: nginx, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}}\n",
		"JSON":               `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"web","image":"nginx","volumeMounts":[{"name":"v","mountPath":"/v"}]}],"volumes":[{"name":"v","emptyDir":{}}]}}`,
		"the second in list": `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Service"},{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"initContainers":[{"name":"web","image":"nginx"}],"containers":[{"name":"other","image":"x"}]}}]}`,
	} {
		find := func(text []byte) (Workload, int) {
			r := New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: text}}, Options{Locate: true, Known: facts})
			if len(r.Errors)+len(r.Warnings) > 0 {
				t.Fatalf("%s: %v, %v in\n%s", name, r.Errors, r.Warnings, text)
			}
			w := r.Workloads[0]
			return w, slices.IndexFunc(w.Findings, func(f evidence.Finding) bool {
				return f.ID == "directory-read-only" && f.Container == "web"
			})
		}
		w, i := find([]byte(text))
		if i < 0 || len(w.Fixes[i]) == 0 {
			t.Errorf("%s: finding %d has no fix", name, i)
			continue
		}
		fixed := yamledit.Apply([]byte(text), w.Fixes[i])
		after, left := find(fixed)
		if left >= 0 {
			t.Errorf("%s: the finding is still there: %+v in\n%s", name, after.Findings[left], fixed)
		}
		if slices.ContainsFunc(after.Containers, func(c Container) bool { return c.Name == "web" && c.Decisions[2].Outcome != "inject" }) {
			t.Errorf("%s: the root file system stays writable", name)
		}
		if strings.Count(string(fixed), "web-run\n")+strings.Count(string(fixed), `"web-run"`) > 2 {
			t.Errorf("%s: a name is taken twice:\n%s", name, fixed)
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
