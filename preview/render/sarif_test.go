// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// readSARIF reads SARIF as a code host does.
func readSARIF(t *testing.T, text string) []sarifResult {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Runs) != 1 {
		t.Fatalf("%d runs", len(log.Runs))
	}
	for _, r := range log.Runs[0].Results {
		if log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s has the index of another rule", r.RuleID)
		}
	}
	return log.Runs[0].Results
}

// applied returns a text with a fix applied, as an editor does: by lines and columns of
// Unicode code points, the last one first.
func applied(t *testing.T, text string, fix sarifFix) string {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimPrefix(text, "\ufeff"), "\n")
	offset := func(line, column int) int {
		at := 0
		for _, l := range lines[:line-1] {
			at += len(l)
		}
		for i := range lines[line-1] {
			if column--; column == 0 {
				return at + i
			}
		}
		if column != 1 {
			t.Fatalf("there is no such column in line %d", line)
		}
		return at + len(lines[line-1])
	}
	result := strings.Join(lines, "")
	for _, r := range slices.Backward(fix.Changes[0].Replacements) {
		inserted := ""
		if r.Inserted != nil {
			inserted = r.Inserted.Text
		}
		result = result[:offset(r.Deleted.StartLine, r.Deleted.StartColumn)] + inserted + result[offset(r.Deleted.EndLine, r.Deleted.EndColumn):]
	}
	return result
}

// A fix of unset settings, applied to its file, sets what no finding names, in its container
// alone, and nothing else changes. The result is on the line of the container.
func TestSARIFFixesUnsetSettings(t *testing.T) {
	for name, profile := range map[string]*defaults.Profile{
		"hardened": profiletest.Builtin(t, "hardened"),
		"own":      profiletest.Own(t, "{base: hardened, pod: {fsGroup: 5}, writablePaths: [{path: /tmp}]}"),
	} {
		t.Run(name, func(t *testing.T) { checkFixes(t, profile) })
	}
}

func checkFixes(t *testing.T, profile *defaults.Profile) {
	r := goldenReport(t, profile, preview.Options{Locate: true})
	texts := map[string]string{}
	for _, f := range r.Files {
		texts[f.Name] = string(f.Text)
	}
	fixed := 0
	for _, result := range readSARIF(t, written(t, r, "sarif")) {
		where := result.Locations[0].Logical[0].FullyQualifiedName
		at := result.Locations[0].Physical
		file, err := url.PathUnescape(at.Artifact.URI)
		if err != nil || texts[file] == "" {
			t.Fatalf("%s is in %q", where, file)
		}
		if len(result.Fixes) == 0 {
			continue
		}
		fixed++
		text := applied(t, texts[file], result.Fixes[0])
		after := preview.New(profile, []manifest.Input{{Name: file, Data: []byte(text)}}, preview.Options{Locate: true})
		before := preview.New(profile, []manifest.Input{{Name: file, Data: []byte(texts[file])}}, preview.Options{Locate: true})
		if len(before.Workloads) != len(after.Workloads) {
			t.Fatalf("%s: other workloads:\n%s", where, text)
		}
		for i := range before.Workloads {
			checkFixed(t, result, &before.Workloads[i], &after.Workloads[i])
		}
		line := strings.Split(strings.TrimPrefix(texts[file], "\ufeff"), "\n")[at.Region.StartLine-1]
		if container := result.Locations[0].Logical[0].Name; strings.Contains(where, ", container ") && !strings.Contains(line, "{") && !strings.Contains(line, container) && !strings.Contains(line, "- ") {
			t.Errorf("%s is on line %d: %s", where, at.Region.StartLine, line)
		}
	}
	if fixed < 20 {
		t.Errorf("%d fixes", fixed)
	}
}

// checkFixed compares the decisions on a workload before and after a fix: those that it is
// about are the author's now, and all others stay.
func checkFixed(t *testing.T, result sarifResult, before, after *preview.Workload) {
	t.Helper()
	name := result.Locations[0].Logical[0].FullyQualifiedName
	compare := func(who string, was, is []preview.Decision, mounts bool) {
		// Where the user has a finding, the container may have to stay root.
		root := slices.ContainsFunc(was, func(d preview.Decision) bool {
			return d.Field == "runAsUser" && (d.Verdict == "breaks" || d.Verdict == "risk")
		})
		for i, d := range was {
			want := d.Outcome
			if who == name && !(root && (d.Field == "runAsNonRoot" || d.Field == "capabilities.drop")) && d.Outcome == string(defaults.Inject) && d.Verdict != "breaks" && d.Verdict != "risk" && !(mounts && d.Field == "readOnlyRootFilesystem") {
				want = string(defaults.Leave)
			}
			if is[i].Outcome != want {
				t.Errorf("%s: the fix of %s makes %s of %s: %s, want %s", who, name, is[i].Outcome, d.Outcome, d.Field, want)
			}
		}
	}
	same := 0
	for _, c := range before.Containers {
		if where(before, c.Name) == name {
			same++
		}
	}
	if same > 1 || before.Excluded != "" {
		return // names that are there twice, of which one has the fix
	}
	compare(where(before, ""), before.Pod, after.Pod, false)
	for i, c := range before.Containers {
		compare(where(before, cmp.Or(c.Name, fmt.Sprintf("number %d", i+1))), c.Decisions, after.Containers[i].Decisions, len(c.WritablePaths) > 0)
	}
}

func TestArtifactURI(t *testing.T) {
	for name, want := range map[string]string{
		"a b/c.yaml": "a%20b/c.yaml", "./x/../c.yaml": "c.yaml", "a:b.yaml": "./a:b.yaml", "-": "stdin", "/etc/x y.yaml": "file:///etc/x%20y.yaml",
		"ü#?.yaml": "%C3%BC%23%3F.yaml",
	} {
		if got := artifactURI(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Positions are those of a text that is read character by character, also in long lines.
func TestPositions(t *testing.T) {
	text := "\ufeffa\u00e4\n\n" + strings.Repeat("\U0001f600x\u00e9", 3*blockSize) + "\r\nend"
	lines := fileLines{file: &preview.File{Text: []byte(text)}}
	line, column := 1, 1
	for at, r := range text {
		if at == 0 {
			continue // the mark
		}
		if gotLine, gotColumn := lines.position(at); gotLine != line || gotColumn != column {
			t.Fatalf("offset %d is %d:%d, want %d:%d", at, gotLine, gotColumn, line, column)
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	if gotLine, gotColumn := lines.position(len(text)); gotLine != line || gotColumn != column {
		t.Errorf("the end is %d:%d, want %d:%d", gotLine, gotColumn, line, column)
	}
}
