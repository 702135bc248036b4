// SPDX-License-Identifier: Apache-2.0

package html

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
)

// A page is a report with what the template needs ready to be shown.
type page struct {
	*preview.Report
	CSS    template.CSS
	JS     template.JS
	Policy string

	Unchanged   int // workloads that are looked at and get nothing
	WithHazards int // workloads with a finding that does not fit
	HighRisk    int // workloads at a high risk
	Fields      []bar
	Levels      []bar
	HazardKinds []hazardKind
	Namespaces  []string // those of the workloads, sorted; "" if a manifest says none
	Outcomes    []meaning
	Verdicts    []meaning
	Reasons     []meaning
	Rows        []row
	NoticeLines []string
	MoreNotices int
}

// A bar is a row of a chart: counts of three kinds, and where their parts begin
// and how long they are.
type bar struct {
	Name  string
	Parts [3]part
}

// A part of a bar.
type part struct {
	Class       string // in the style sheet
	Word        string
	Count       int
	Start, Size string // in percent
}

// A hazardKind is a kind of hazard in the overview.
type hazardKind struct {
	preview.FindingSummary
	No           int    // in the summary, to which the filters refer
	Badge        badge  // the worst
	Because, Fix string // as [hazard.Info] has them, without Markdown
}

// newPage makes a report ready to be shown.
func newPage(r *preview.Report) *page {
	p := &page{
		Report:   r,
		CSS:      template.CSS(pageCSS),
		JS:       template.JS(pageJS),
		Policy:   contentPolicy,
		Outcomes: outcomeMeanings,
		Reasons:  reasonMeanings(),
		Verdicts: verdictMeanings(),
		HighRisk: r.Summary.Verdicts.Risk.High,

		Unchanged:   r.Summary.Workloads - r.Summary.Excluded - r.Summary.Changed,
		HazardKinds: hazardKinds(r),
	}
	for _, f := range r.Summary.Fields {
		p.Fields = append(p.Fields, newBar(f.Field,
			part{Class: "i", Word: "inject", Count: f.Inject},
			part{Class: "l", Word: "leave", Count: f.Leave},
			part{Class: "s", Word: "skip", Count: f.Skip}))
	}
	p.Levels = []bar{
		levelBar("before", r.Summary.PodSecurity.Before),
		levelBar("after", r.Summary.PodSecurity.After),
	}
	for _, w := range r.Workloads {
		p.Namespaces = append(p.Namespaces, w.Namespace)
		if slices.ContainsFunc(w.Findings, func(f evidence.Finding) bool { return f.Verdict != evidence.Fits }) {
			p.WithHazards++
		}
	}
	slices.Sort(p.Namespaces)
	p.Namespaces = slices.Compact(p.Namespaces)
	p.Rows = newRows(p)
	p.NoticeLines, p.MoreNotices = r.NoticeLines()
	return p
}

func levelBar(name string, counts preview.LevelCounts) bar {
	return newBar(name,
		part{Class: "r", Word: "restricted", Count: counts.Restricted},
		part{Class: "b", Word: "baseline", Count: counts.Baseline},
		part{Class: "p", Word: "privileged", Count: counts.Privileged})
}

// newBar makes a bar in which each part is as long as its share of the counts.
func newBar(name string, parts ...part) bar {
	total := 0
	for _, p := range parts {
		total += p.Count
	}
	b := bar{Name: name}
	before := 0
	for i, p := range parts {
		p.Start, p.Size = percent(before, total), percent(p.Count, total)
		before += p.Count
		b.Parts[i] = p
	}
	return b
}

func percent(n, total int) string {
	if total == 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(total))
}

// hazardKinds returns the kinds of finding that the summary names, each in words, the worst
// first.
func hazardKinds(r *preview.Report) []hazardKind {
	infos := map[string]hazard.Info{}
	for _, h := range hazard.All() {
		infos[h.ID] = h
	}
	var kinds []hazardKind
	for i, h := range r.Summary.Findings {
		info := infos[h.ID]
		kinds = append(kinds, hazardKind{h, i, badgeOf(h.Verdict, h.Severity), withoutCode(info.Because), withoutCode(info.Fix)})
	}
	slices.SortStableFunc(kinds, func(a, b hazardKind) int {
		return cmp.Or(cmp.Compare(b.Badge.rank, a.Badge.rank), cmp.Compare(b.Workloads, a.Workloads))
	})
	return kinds
}

// withoutCode leaves out the marks that Markdown has around code.
func withoutCode(text string) string { return strings.ReplaceAll(text, "`", "") }
