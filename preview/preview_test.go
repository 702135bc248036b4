// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gomodules.xyz/jsonpatch/v2"

	"github.com/caseharden/caseharden/preview/yamledit"

	"github.com/caseharden/caseharden/defaults"
)

// A golden file holds a comment, manifests (in/NAME), and what is wanted of each
// output; a section profile has the spec of a profile in place of hardened.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, got := map[string]string{}, goldenOutputs(t, archive)
			for _, f := range archive.Files {
				if strings.HasPrefix(f.Name, "want.") {
					want[f.Name] = string(f.Data)
				}
			}
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want.") })
				for _, name := range slices.Sorted(maps.Keys(got)) {
					archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("run go test ./preview -run Golden -update, and read what changes (-want +got):\n%s", diff)
			}
		})
	}
}

func goldenOutputs(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	profile := builtin(t, "hardened")
	var inputs []Input
	for _, f := range archive.Files {
		if name, found := strings.CutPrefix(f.Name, "in/"); found {
			inputs = append(inputs, Input{Name: name, Data: f.Data})
		}
		if f.Name == "profile" {
			profile = ownProfile(t, string(f.Data))
		}
	}
	p := New(profile, inputs, nil)
	got := map[string]string{}
	for _, output := range []string{"table", "diff", "yaml"} {
		// Each writes its own errors into the report.
		p.Report.Errors = New(profile, inputs, nil).Report.Errors
		got["want."+output] = written(t, p, output)
	}
	for _, err := range p.Report.Errors {
		got["want.errors"] += err.Error() + "\n"
	}
	checkHardened(t, p, profile, inputs)
	return got
}

func written(t *testing.T, p *Preview, output string) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b, output, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkHardened demands of the manifests that -o yaml writes that they are what the
// patches make of the pods, with the API server's library as the oracle, that
// nothing else is changed in them, and that nothing is left to add.
func checkHardened(t *testing.T, p *Preview, profile *defaults.Profile, inputs []Input) {
	t.Helper()
	for i, f := range p.files {
		edits, errs := f.allEdits()
		var hardened []byte
		end := 0
		for _, e := range edits {
			hardened = append(append(hardened, f.Data[end:e.Start]...), e.Text...)
			end = e.End
		}
		hardened = append(hardened, f.Data[end:]...)
		again := New(profile, []Input{{Name: inputs[i].Name, Data: hardened}}, nil)
		before, after := f.workloads(t), again.files[0].workloads(t)
		if len(before) != len(after) {
			t.Fatalf("%s: there were %d workloads, and are %d", f.Name, len(before), len(after))
		}
		for j, w := range before {
			refused := slices.ContainsFunc(errs, func(e InputError) bool { return e.Document == w.object.document.index })
			want := w.raw
			if !refused {
				want = w.patched(t, f.additions[w.object])
			}
			if diff := gocmp.Diff(decoded(t, want), decoded(t, after[j].raw)); diff != "" {
				t.Errorf("%s:%d: the object (-patched +written):\n%s", f.Name, w.line, diff)
			}
		}
		for _, w := range again.Report.Workloads {
			refused := slices.ContainsFunc(errs, func(e InputError) bool { return e.Document == w.Document })
			if w.Changed && !refused {
				t.Errorf("%s:%d: something is still to be added to what was written", f.Name, w.Line)
			}
		}
	}
}

// workloads returns the objects of a file that something can be added to.
func (f *file) workloads(t *testing.T) []workloadObject {
	t.Helper()
	var all []workloadObject
	for _, d := range f.documents {
		for _, o := range d.objects {
			if _, known := placesOf(o); known {
				all = append(all, workloadObject{o})
			}
		}
	}
	return all
}

// allEdits returns the edits of all documents.
func (f *file) allEdits() (edits []yamledit.Edit, errs []InputError) {
	for _, d := range f.documents {
		own, ownErrs := f.edits(d)
		edits, errs = append(edits, own...), append(errs, ownErrs...)
	}
	return edits, errs
}

type workloadObject struct{ *object }

// patched applies the additions to an object.
func (w workloadObject) patched(t *testing.T, additions []jsonpatch.Operation) []byte {
	t.Helper()
	var operations []map[string]any
	for _, a := range additions {
		operations = append(operations, map[string]any{"op": "add", "path": a.Path, "value": a.Value})
	}
	return applyRaw(t, w.raw, operations)
}

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return value
}

// The report counts every object, its progress too, and JSON is the same report.
func TestReport(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var inputs []Input
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasPrefix(f.Name, "in/") {
				inputs = append(inputs, Input{Name: f.Name, Data: f.Data})
			}
		}
	}
	done := 0
	p := New(builtin(t, "hardened"), inputs, func(n, total int) {
		if n != done+1 || n > total {
			t.Errorf("progress: %d of %d after %d", n, total, done)
		}
		done = n
	})
	if s := p.Report.Summary; s.Objects != done || s.Workloads != len(p.Report.Workloads) || s.Changed == 0 || s.Excluded == 0 {
		t.Errorf("summary %+v of %d objects and %d workloads", s, done, len(p.Report.Workloads))
	}
	if !slices.IsSortedFunc(p.Report.Summary.Hazards, func(a, b HazardSummary) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Error("the hazards are not in order")
	}
	var back Report
	if err := json.Unmarshal([]byte(written(t, p, "json")), &back); err != nil {
		t.Fatal(err)
	}
	compacted := gocmp.Transformer("compact", func(raw json.RawMessage) string {
		var b bytes.Buffer
		if len(raw) > 0 && json.Compact(&b, raw) != nil {
			t.Errorf("no JSON: %s", raw)
		}
		return b.String()
	})
	if diff := gocmp.Diff(p.Report, &back, compacted); diff != "" {
		t.Errorf("the report as JSON (-report +read back):\n%s", diff)
	}
	for _, report := range []*Report{p.Report, New(builtin(t, "hardened"), nil, nil).Report} {
		want, err := marshal(report, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), written(t, &Preview{Report: report}, "json")); diff != "" {
			t.Errorf("the report as JSON (-at once +written):\n%s", diff)
		}
	}
	if written(t, p, "html") == "" {
		t.Error("there is no page")
	}
}

func TestUnknownOutput(t *testing.T) {
	err := New(builtin(t, "hardened"), nil, nil).Write(&bytes.Buffer{}, "xml", false)
	if err == nil || err.Error() != `output "xml": must be table, diff, yaml, json or html` {
		t.Errorf("Write = %v", err)
	}
}

// What a manifest holds cannot steer a terminal, and colours change nothing but
// the colour.
func TestTerminals(t *testing.T) {
	const hostile = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[31mb\\rc\\u202ed\\x9be\"}\nspec: {containers: [{name: \"x\\ny\\e[2J\", image: i, securityContext: {runAsUser: 0}}]}\n"
	inputs := []Input{{Name: "a\x1b[1mb.yaml", Data: []byte(hostile)}}
	p := New(builtin(t, "hardened"), inputs, nil)
	for _, output := range []string{"table", "diff"} {
		var coloured bytes.Buffer
		if err := p.Write(&coloured, output, true); err != nil {
			t.Fatal(err)
		}
		plainText := written(t, p, output)
		if strings.ContainsAny(plainText, "\x1b\r\u009b\u202e") {
			t.Errorf("%s: control characters in %q", output, plainText)
		}
		stripped := coloured.String()
		for _, s := range []shade{bold, faint, red, green, yellow, cyan} {
			stripped = strings.ReplaceAll(stripped, "\x1b["+string(s)+"m", "")
		}
		stripped = strings.ReplaceAll(stripped, "\x1b[0m", "")
		if stripped != plainText {
			t.Errorf("%s: colours change the text (-plain +stripped):\n%s", output, gocmp.Diff(plainText, stripped))
		}
		if coloured.String() == plainText {
			t.Errorf("%s: there are no colours", output)
		}
	}
}
