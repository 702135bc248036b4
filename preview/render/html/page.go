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

	Unchanged    int // workloads that are looked at and get nothing
	WithFindings int // workloads with a finding that does not fit
	HighRisk     int // workloads at a high risk
	Fields       []bar
	Levels       []bar
	Causes       []cause
	Namespaces   []string // those of the workloads, sorted; "" if a manifest says none
	Outcomes     []meaning
	Verdicts     []meaning
	Reasons      []meaning
	Rows         []row
	NoticeLines  []string
	MoreNotices  int
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

// A cause is a row of the overview of findings.
type cause struct {
	preview.FindingSummary
	No           int    // in the summary, to which the filters refer
	Badge        badge  // the worst
	Because, Fix string // as [evidence.Cause] has them, without Markdown
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

		Unchanged: r.Summary.Workloads - r.Summary.Excluded - r.Summary.Changed,
		Causes:    causesOf(r),
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
			p.WithFindings++
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

// causesOf returns the causes that the summary names, each in words, the worst
// first.
func causesOf(r *preview.Report) []cause {
	byID := hazard.CausesByID()
	var causes []cause
	for i, f := range r.Summary.Findings {
		causes = append(causes, cause{f, i, badgeOf(f.Verdict, f.Severity), withoutCode(byID[f.ID].Because), withoutCode(byID[f.ID].Fix)})
	}
	slices.SortStableFunc(causes, func(a, b cause) int {
		return cmp.Or(cmp.Compare(b.Badge.rank, a.Badge.rank), cmp.Compare(b.Workloads, a.Workloads))
	})
	return causes
}

// withoutCode leaves out the marks that Markdown has around code.
func withoutCode(text string) string { return strings.ReplaceAll(text, "`", "") }
