// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// A report is finished: no output changes it, so that all outputs agree, and each writes
// the same bytes again.
func TestOutputsChangeNothing(t *testing.T) {
	const shared = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - &c {name: a, image: i}\n  - *c\n"
	inputs := []manifest.Input{
		{Name: "shared.yaml", Data: []byte(shared)},
		{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {securityContex: {}, containers: [{name: a, image: i}]}\n")},
		{Name: "broken.yaml", Data: []byte("a: b: c\n")},
		{Name: "utf16.yaml", Data: []byte("\xff\xfe{\x00}\x00")},
	}
	r := preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{})
	if len(r.Errors) != 3 {
		t.Errorf("%d errors, want one in the edits, and two in the manifests: %v", len(r.Errors), r.Errors)
	}
	state := func() string {
		state, err := json.Marshal([]any{r, r.Files})
		if err != nil {
			t.Fatal(err)
		}
		return string(state)
	}
	before := state()
	for _, o := range Outputs() {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := Write(b, r, o.Name, Style{}); err != nil {
				t.Errorf("-o %s: %v", o.Name, err)
			}
			if state() != before {
				t.Fatalf("-o %s changes the report", o.Name)
			}
		}
		if first.String() != second.String() || first.Len() == 0 {
			t.Errorf("-o %s writes\n%s\nand then\n%s", o.Name, first.String(), second.String())
		}
	}
}

// All outputs name the same findings of the same workloads: what the JSON report has, the
// table counts, SARIF has as results, the page lists, and JUnit has a case for.
func TestOutputsAgree(t *testing.T) {
	for _, severity := range []evidence.Severity{"", evidence.High} {
		r := goldenReport(t, profiletest.Builtin(t, "hardened"), preview.Options{Locate: true, MinSeverity: severity})
		var report preview.Report
		if err := json.Unmarshal([]byte(written(t, r, "json")), &report); err != nil {
			t.Fatal(err)
		}
		findings, workloads, inject := map[string]int{}, map[string]int{}, 0
		for _, w := range report.Workloads {
			has := map[string]bool{}
			for _, f := range w.Findings {
				findings[f.ID]++
				has[f.ID] = true
			}
			for id := range has {
				workloads[id]++
			}
			w.EachDecision(func(d preview.Decision) {
				if d.Outcome == "inject" {
					inject++
				}
			})
		}
		if (report.Summary.Hidden > 0) != (severity != "") || len(findings) < 2 {
			t.Errorf("%d findings are hidden, and kinds %v are there", report.Summary.Hidden, findings)
		}
		table, page := written(t, r, "table"), written(t, r, "html")
		results := map[string]int{}
		for _, result := range readSARIF(t, written(t, r, "sarif")) {
			results[result.RuleID]++
		}
		for _, f := range report.Summary.Findings {
			if f.Workloads != workloads[f.ID] {
				t.Errorf("%s: the summary has %d workloads, and %d have it", f.ID, f.Workloads, workloads[f.ID])
			}
			if !regexp.MustCompile(regexp.QuoteMeta(": "+f.ID+" (") + `\w[^)]*\), ` + text.Count(f.Workloads, "workload") + `\n`).MatchString(table) {
				t.Errorf("%s: the table does not count %d workloads", f.ID, f.Workloads)
			}
			if !strings.Contains(page, `href="#?hazard=`+f.ID+`"`) {
				t.Errorf("%s is not on the page", f.ID)
			}
			if results[f.ID] != findings[f.ID] {
				t.Errorf("%s: SARIF has %d results, want %d", f.ID, results[f.ID], findings[f.ID])
			}
			delete(results, f.ID)
		}
		unset := 0
		for _, w := range report.Workloads {
			for _, decisions := range append([][]preview.Decision{w.Pod}, decisionsOf(w)...) {
				if slices.ContainsFunc(decisions, func(d preview.Decision) bool { return d.Outcome == "inject" }) {
					unset++
				}
			}
		}
		if results[unsetRule] != unset || len(results) != 1 {
			t.Errorf("SARIF has results %v beside the findings, want %d of %s", results, unset, unsetRule)
		}
		sum := 0
		for _, f := range report.Summary.Fields {
			sum += f.Inject
			if v := f.Verdicts; v.Breaks+v.Risk.Total()+v.Unknown+v.Fits != f.Inject {
				t.Errorf("%s: the verdicts %+v are not those of %d", f.Field, v, f.Inject)
			}
		}
		if sum != inject {
			t.Errorf("%d settings would be injected, and the summary has %d", inject, sum)
		}
		shown := 0
		rows, _, _ := strings.Cut(table, "\n\n")
		for row := range strings.Lines(rows) {
			if m := regexp.MustCompile(`^\w+ +.*?  +(\d+)  `).FindStringSubmatch(row); m != nil {
				n, _ := strconv.Atoi(m[1])
				shown += n
				if more := regexp.MustCompile(`\(\+(\d+)\)`).FindStringSubmatch(row); more != nil {
					times, _ := strconv.Atoi(more[1])
					shown += n * times
				}
			}
		}
		if shown != inject {
			t.Errorf("%d settings would be injected, and the table has %d", inject, shown)
		}
	}
}

func decisionsOf(w preview.Workload) [][]preview.Decision {
	var all [][]preview.Decision
	for _, c := range w.Containers {
		all = append(all, c.Decisions)
	}
	return all
}
