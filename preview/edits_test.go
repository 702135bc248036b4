// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// The edits of manifests make of the pods what the patches make of them, with the API
// server's library as the oracle. They change nothing else, and leave nothing to add.
func TestEditsArePatches(t *testing.T) {
	files, err := filepath.Glob("render/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			profile := profiletest.Builtin(t, "hardened")
			for _, f := range archive.Files {
				if f.Name == "profile" {
					profile = profiletest.Own(t, string(f.Data))
				}
			}
			for _, f := range archive.Files {
				if name, found := strings.CutPrefix(f.Name, "in/"); found {
					checkHardened(t, profile, manifest.Input{Name: name, Data: f.Data})
				}
			}
		})
	}
}

func checkHardened(t *testing.T, profile *defaults.Profile, input manifest.Input) {
	t.Helper()
	inputs := []manifest.Input{input}
	report := New(profile, inputs, Options{})
	hardened := report.Files[0].Text
	var edits []yamledit.Edit
	for _, d := range report.Files[0].Documents {
		edits = append(edits, d.Edits...)
	}
	again := []manifest.Input{{Name: input.Name, Data: yamledit.Apply(hardened, edits)}}
	refused := func(document int) bool {
		return slices.ContainsFunc(report.Errors, func(e manifest.Error) bool {
			return e.Document == document && strings.HasPrefix(e.Message, "nothing was added: ")
		})
	}
	before, _ := manifest.Read(inputs)
	after, _ := manifest.Read(again)
	was, is := workloads(before[0]), workloads(after[0])
	if len(was) != len(is) {
		t.Fatalf("%s: there were %d workloads, and are %d", input.Name, len(was), len(is))
	}
	p := previewer{profile: profile, owners: ownersIn(before)}
	for i, o := range was {
		want := []byte(o.Raw)
		if !refused(o.Document.Index) {
			for _, template := range p.object(o).templates {
				want = added(t, want, template.additions)
			}
		}
		if diff := gocmp.Diff(decoded(t, want), decoded(t, is[i].Raw)); diff != "" {
			t.Errorf("%s:%d: the object (-patched +written):\n%s", input.Name, o.Line, diff)
		}
	}
	for _, w := range New(profile, again, Options{}).Workloads {
		if w.Changed && !refused(w.Document) {
			t.Errorf("%s:%d: something is still to be added to what was written", input.Name, w.Line)
		}
	}
}

// workloads returns the objects of a file that something can be added to.
func workloads(f *manifest.File) []*manifest.Object {
	var all []*manifest.Object
	for _, d := range f.Documents {
		for _, o := range d.Objects {
			if _, known := o.Templates(); known {
				all = append(all, o)
			}
		}
	}
	return all
}

// added applies additions to an object as it stands, with the library of the API server.
func added(t *testing.T, object []byte, additions []yamledit.Addition) []byte {
	t.Helper()
	operations := []map[string]any{}
	for _, a := range additions {
		operations = append(operations, map[string]any{"op": "add", "path": a.Pointer, "value": a.Value})
	}
	raw, err := json.Marshal(operations)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := patch.Apply(object)
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return patched
}

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return value
}
