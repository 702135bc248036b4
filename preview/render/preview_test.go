// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/caseharden/caseharden/internal/doctest"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// A golden file holds a comment, manifests (in/NAME), and what is wanted of each
// output; a section profile has the spec of a profile in place of hardened.
func TestGolden(t *testing.T) { doctest.Golden(t, goldenOutputs) }

func goldenOutputs(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	profile := profiletest.Builtin(t, "hardened")
	var inputs []manifest.Input
	for _, f := range archive.Files {
		if name, found := strings.CutPrefix(f.Name, "in/"); found {
			inputs = append(inputs, manifest.Input{Name: name, Data: f.Data})
		}
		if f.Name == "profile" {
			profile = profiletest.Own(t, string(f.Data))
		}
	}
	p := preview.New(profile, inputs, preview.Options{})
	got := map[string]string{}
	for _, output := range []string{"table", "diff", "yaml"} {
		got["want."+output] = written(t, p, output)
	}
	got["want.explain"] = explained(t, p)
	for _, err := range p.Errors {
		got["want.errors"] += err.Error() + "\n"
	}
	return got
}

// explained is everything of all workloads.
func explained(t *testing.T, p *preview.Report) string {
	t.Helper()
	s := Style{Explain: []*preview.Workload{}}
	for i := range p.Workloads {
		s.Explain = append(s.Explain, &p.Workloads[i])
	}
	var b bytes.Buffer
	if err := Write(&b, p, "table", s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func written(t *testing.T, p *preview.Report, output string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p, output, Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The report counts every object, its progress too, and JSON is the same report.
func TestReport(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var inputs []manifest.Input
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasPrefix(f.Name, "in/") {
				inputs = append(inputs, manifest.Input{Name: f.Name, Data: f.Data})
			}
		}
	}
	done := 0
	p := preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{Progress: func(n, total int) {
		if n != done+1 || n > total {
			t.Errorf("progress: %d of %d after %d", n, total, done)
		}
		done = n
	}})
	if s := p.Summary; s.Objects != done || s.Workloads != len(p.Workloads) || s.Changed == 0 || s.Excluded == 0 {
		t.Errorf("summary %+v of %d objects and %d workloads", s, done, len(p.Workloads))
	}
	if !slices.IsSortedFunc(p.Summary.Findings, func(a, b preview.FindingSummary) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Error("the hazards are not in order")
	}
	var back preview.Report
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
	if diff := gocmp.Diff(p, &back, compacted, cmpopts.IgnoreFields(preview.Report{}, "Files", "Answer")); diff != "" {
		t.Errorf("the report as JSON (-report +read back):\n%s", diff)
	}
	for _, report := range []*preview.Report{p, preview.New(profiletest.Builtin(t, "hardened"), nil, preview.Options{})} {
		want, err := marshal(report, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), written(t, report, "json")); diff != "" {
			t.Errorf("the report as JSON (-at once +written):\n%s", diff)
		}
	}
	if written(t, p, "html") == "" {
		t.Error("there is no page")
	}
}

func TestUnknownOutput(t *testing.T) {
	err := Write(&bytes.Buffer{}, preview.New(profiletest.Builtin(t, "hardened"), nil, preview.Options{}), "xml", Style{})
	if err == nil || err.Error() != `output "xml": must be table, diff, yaml, json, profile, html, sarif or junit` {
		t.Errorf("Write = %v", err)
	}
}

// What a manifest holds cannot steer a terminal, and colours change nothing but
// the colour.
func TestTerminals(t *testing.T) {
	const hostile = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[31mb\\rc\\u202ed\\x9be\"}\nspec: {containers: [{name: \"x\\ny\\e[2J\", image: i, securityContext: {runAsUser: 0}}]}\n"
	inputs := []manifest.Input{{Name: "a\x1b[1mb.yaml", Data: []byte(hostile)}}
	p := preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{})
	for _, output := range []string{"table", "diff"} {
		var coloured bytes.Buffer
		if err := Write(&coloured, p, output, Style{Colour: true}); err != nil {
			t.Fatal(err)
		}
		plainText := written(t, p, output)
		if strings.ContainsAny(plainText, "\x1b\r\u009b\u202e") {
			t.Errorf("%s: control characters in %q", output, plainText)
		}
		stripped := coloured.String()
		for _, s := range []shade{bold, faint, alarm, red, green, yellow, cyan} {
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
