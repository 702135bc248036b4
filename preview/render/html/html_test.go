// SPDX-License-Identifier: Apache-2.0

package html

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// render writes a report as a page and parses it as a browser would.
func render(t *testing.T, r *preview.Report) *html.Node {
	t.Helper()
	document, err := html.Parse(strings.NewReader(renderText(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func renderText(t *testing.T, r *preview.Report) string {
	t.Helper()
	var page bytes.Buffer
	if err := Write(&page, r); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestPageFigures(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	document := render(t, r)

	figures := map[string]string{}
	for _, div := range all(first(t, document, withClass("figures")), tagged(atom.Div)) {
		figures[textOf(first(t, div, tagged(atom.Dt)))] = textOf(first(t, div, tagged(atom.Dd)))
	}
	want := map[string]string{
		"workloads": "6", "would change": "3", "would stay as they are": "2", "excluded": "1", "containers": "9",
		"breaks": "1", "at high risk": "0", "with findings": "3", "meet restricted, before and after": "1 → 2",
	}
	if diff := gocmp.Diff(want, figures); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}

	charts := all(document, withClass("chart"))
	if len(charts) != 2 {
		t.Fatalf("there are %d charts, want one of settings and one of levels", len(charts))
	}
	var fields [][]string
	for _, f := range r.Summary.Fields {
		fields = append(fields, []string{f.Field, fmt.Sprint(f.Inject, " inject"), fmt.Sprint(f.Leave, " leave"), fmt.Sprint(f.Skip, " skip"), ""})
	}
	if diff := gocmp.Diff(fields, bodyRows(charts[0])); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	levels := [][]string{
		{"before", "1 restricted", "3 baseline", "1 privileged", ""},
		{"after", "2 restricted", "2 baseline", "1 privileged", ""},
	}
	if diff := gocmp.Diff(levels, bodyRows(charts[1])); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}

	kinds := bodyRows(first(t, document, withClass("hazards")))
	if len(kinds) != len(r.Summary.Findings) {
		t.Fatalf("%d kinds of hazard are shown, want %d", len(kinds), len(r.Summary.Findings))
	}
	findings := slices.Clone(r.Summary.Findings)
	slices.SortStableFunc(findings, func(a, b preview.FindingSummary) int {
		return cmp.Or(preview.Rank(b.Verdict, b.Severity)-preview.Rank(a.Verdict, a.Severity), b.Workloads-a.Workloads)
	})
	for i, h := range findings {
		if kinds[i][0] != strconv.Itoa(h.Workloads) || !strings.HasPrefix(kinds[i][1], h.Title+" "+badgeOf(h.Verdict, h.Severity).Word+"What may break: ") {
			t.Errorf("hazard %q of %d workloads is shown as %q", h.Title, h.Workloads, kinds[i])
		}
	}

	errors := all(first(t, document, withClass("errors")), tagged(atom.Li))
	if len(errors) != len(r.Errors) {
		t.Fatalf("%d errors are shown, want %d", len(errors), len(r.Errors))
	}
	if got, want := textOf(errors[0]), "shop/broken.yaml, document 3, line 41: yaml: mapping values are not allowed in this context"; got != want {
		t.Errorf("first error is %q, want %q", got, want)
	}
	if got, want := textOf(errors[1]), "shop/gone.yaml: no such file or directory"; got != want {
		t.Errorf("second error is %q, want %q", got, want)
	}
}

// The parts of a bar are as long as their numbers say, and end where the next begins.
func TestPageBars(t *testing.T) {
	t.Parallel()
	got := newBar("x", part{Count: 1}, part{Count: 0}, part{Count: 3}).Parts
	want := [3]part{{Count: 1, Start: "0.00%", Size: "25.00%"}, {Start: "25.00%", Size: "0.00%"}, {Count: 3, Start: "25.00%", Size: "75.00%"}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if got := newBar("x", part{}, part{}, part{}).Parts[2]; got != (part{Start: "0", Size: "0"}) {
		t.Errorf("a part of nothing is %+v", got)
	}
}

func TestPageHoldsEverything(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	items := workloadItems(t, render(t, r))
	if len(items) != len(r.Workloads) {
		t.Fatalf("%d workloads are shown, want %d", len(items), len(r.Workloads))
	}
	for i, w := range preview.ByRisk(r.Workloads) {
		shown := textOf(items[i])
		contains := func(what, s string) {
			t.Helper()
			if !strings.Contains(shown, s) {
				t.Errorf("%s %s: %s %q is not shown in:\n%s", w.Kind, w.Name, what, s, shown)
			}
		}
		title := w.Name
		if w.Namespace != "" {
			title = w.Namespace + "/" + w.Name
		}
		contains("title", w.Kind+" "+title)
		contains("source", fmt.Sprintf("%s %s, document %d, line %d", w.APIVersion, w.File, w.Document, w.Line))
		contains("exclusion", w.Excluded)
		for _, c := range w.Containers {
			contains("container", c.Name)
			contains("image", c.Image)
			for _, path := range c.WritablePaths {
				contains("path", path)
			}
		}
		for _, h := range w.Findings {
			contains("title", hazard.CausesByID()[h.ID].Title)
			contains("hazard", h.What)
			contains("container", h.Container)
			contains("fix", "Fix: "+h.Fix)
			contains("verdict", badgeOf(h.Verdict, h.Severity).Word+" "+hazard.CausesByID()[h.ID].Title)
			for _, e := range h.Evidence {
				if e.Text == h.What {
					continue // which is shown once
				}
				contains("evidence", "Evidence ("+string(e.Source)+"): "+strings.Join(strings.Fields(e.Text+" "+e.Path+" "+e.Where), " "))
			}
			if h.Exception != nil {
				contains("exception", "Exception: leave: [readOnlyRootFilesystem]\ncontainer: {runAsUser: 999}\nwritablePaths: [/run, /tmp]")
			}
		}
		if s := w.PodSecurity; s != nil {
			contains("level", s.Before+" → "+s.After)
			for _, missing := range s.Missing {
				contains("missing", missing)
			}
		}
		if diff := gocmp.Diff(wantDecisions(*w), shownDecisions(t, items[i])); diff != "" {
			t.Errorf("%s %s: decisions (-want +got):\n%s", w.Kind, w.Name, diff)
		}
	}
}

// wantDecisions are the decisions of a workload as the page should show them,
// sorted: under which heading, the outcome, the setting and why.
func wantDecisions(w preview.Workload) []string {
	var want []string
	add := func(heading string, decisions []preview.Decision) {
		for _, d := range decisions {
			setting, why := d.Field, reasonSentence(d.Reason)
			if d.Value != nil {
				setting += ": " + string(d.Value)
			}
			if d.Because != "" && (d.Reason == "exception" || d.Reason == "unset") {
				why = strings.TrimSuffix(why, ".") + ": " + d.Because
			}
			if word := badgeOf(d.Verdict, d.Severity).Word; word != "" {
				why = word
			}
			want = append(want, strings.Join([]string{heading, d.Outcome, setting, why}, " | "))
		}
	}
	add("The pod itself", w.Pod)
	types := map[string]string{"regular": "Container", "init": "Init container", "ephemeral": "Ephemeral container"}
	for _, c := range w.Containers {
		add(strings.TrimSpace(types[c.Type]+" "+c.Name+" "+c.Image), c.Decisions)
	}
	slices.Sort(want)
	return want
}

// shownDecisions reads them from the page again, where a heading is of several
// containers if all is decided alike for them.
func shownDecisions(t *testing.T, item *html.Node) []string {
	t.Helper()
	var shown []string
	for _, body := range all(item, tagged(atom.Tbody)) {
		rows := all(body, tagged(atom.Tr))
		for _, heading := range strings.Split(textOf(rows[0]), "\n") {
			for _, row := range rows[1:] {
				if cells := cells(row); len(cells) == 3 {
					for _, setting := range strings.Split(cells[1], "\n") {
						shown = append(shown, strings.Join([]string{heading, cells[0], setting, cells[2]}, " | "))
					}
				}
			}
		}
	}
	slices.Sort(shown)
	return shown
}

// What the filters go by says the same as the report.
func TestPageFilters(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	document := render(t, r)
	byNumber := func(id string) map[string]string {
		names := map[string]string{}
		for _, option := range all(first(t, document, withAttr("id", id)), tagged(atom.Option)) {
			if no, found := attr(option, "data-no"); found {
				names[no] = textOf(option)
			}
		}
		return names
	}
	fields, hazards, namespaces := byNumber("field"), byNumber("hazard"), byNumber("namespace")
	for i, item := range workloadItems(t, document) {
		w := preview.ByRisk(r.Workloads)[i]
		type filterable struct {
			Fields, Hazards                  []string
			Namespace, Level, State, Verdict string
		}
		want, got := filterable{Namespace: w.Namespace, State: "unchanged", Verdict: badgeOf(w.Verdict, w.Severity).Class}, filterable{}
		w.EachDecision(func(d preview.Decision) { want.Fields = append(want.Fields, d.Outcome[:1]+" "+d.Field) })
		for _, h := range w.Findings {
			want.Hazards = append(want.Hazards, hazard.CausesByID()[h.ID].Title)
		}
		switch {
		case w.Excluded != "":
			want.State = "excluded"
		case w.Changed:
			want.State = "changed"
		}
		if want.Namespace == "" {
			want.Namespace = "none in the manifest"
		}
		if w.PodSecurity != nil {
			want.Level = w.PodSecurity.After
		}

		tokens, _ := attr(item, "data-f")
		for _, token := range strings.Fields(tokens) {
			got.Fields = append(got.Fields, token[:1]+" "+fields[token[1:]])
		}
		tokens, _ = attr(item, "data-h")
		for _, token := range strings.Fields(tokens) {
			got.Hazards = append(got.Hazards, hazards[token])
		}
		no, _ := attr(item, "data-n")
		got.Namespace = namespaces[no]
		got.Level, _ = attr(item, "data-l")
		got.Verdict, _ = attr(item, "data-v")
		got.State, _ = attr(first(t, item, tagged(atom.B)), "class") // which is what the script reads

		for _, list := range []*[]string{&want.Fields, &want.Hazards, &got.Fields, &got.Hazards} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", w.Kind, w.Name, diff)
		}
	}
}

// Every link leads to a place on the page, or names filters; no two places have
// the same name, also where workloads do.
func TestPageLinks(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	r.Workloads = append(r.Workloads, r.Workloads[0], r.Workloads[0], r.Workloads[4])
	r.Workloads[2].Name = "name with spaces ~ and % and ü"
	document := render(t, r)
	ids := map[string]bool{}
	for _, n := range all(document, func(*html.Node) bool { return true }) {
		if id, found := attr(n, "id"); found {
			if ids[id] {
				t.Errorf("id %q is there twice", id)
			}
			ids[id] = true
		}
	}
	if !ids["Deployment~shop~web"] || !ids["Deployment~shop~web~3"] {
		t.Errorf("a workload has no anchor of its name: %v", ids)
	}
	for _, a := range all(document, tagged(atom.A)) {
		href, _ := attr(a, "href")
		if target, local := strings.CutPrefix(href, "#"); !local || !ids[target] && !strings.HasPrefix(target, "?hazard=") {
			t.Errorf("link %q leads nowhere", href)
		}
	}
}

func TestPageOfNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		report preview.Report
		want   string
	}{
		{"nothing at all", preview.Report{}, "Not one object was read."},
		{"objects without pods", preview.Report{Profile: "hardened", Summary: preview.Summary{Objects: 1}}, "1 object was read, and none is a pod"},
		{"errors only", preview.Report{Errors: []manifest.Error{{File: "a.yaml", Message: "no such file"}}}, "1 error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shown := textOf(first(t, render(t, &tt.report), tagged(atom.Main)))
			for _, want := range []string{"Nothing to see: no workloads were found", tt.want} {
				if !strings.Contains(shown, want) {
					t.Errorf("the page does not say %q:\n%s", want, shown)
				}
			}
		})
	}
	// Neither are nil and empty parts of a workload anything to stumble over.
	bare := &preview.Report{Workloads: []preview.Workload{{}, {Containers: []preview.Container{{}}, PodSecurity: &preview.PodSecurity{}, Findings: []evidence.Finding{{}}, Pod: []preview.Decision{{}}}}}
	if got := len(workloadItems(t, render(t, bare))); got != 2 {
		t.Errorf("%d workloads are shown, want 2", got)
	}
}
