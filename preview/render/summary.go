// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// totals adds it all up; alone, it counts the findings too.
func (out *printer) totals(r *preview.Report, alone bool) {
	s := r.Summary
	if s.Objects == 0 {
		if len(r.Errors) == 0 {
			out.Line("No objects: every list is empty.")
		}
		return
	}
	if s.Workloads == 0 {
		out.Line("No pods and no workloads among %s.", text.Count(s.Objects, "object"))
		out.notPreviewed(r)
		return
	}
	excluded := ""
	if s.Excluded > 0 {
		excluded = fmt.Sprintf(", %d excluded", s.Excluded)
	}
	out.Wrapped(bold, "", fmt.Sprintf("Profile %s: %s, %d would change, %d unchanged%s; %s.",
		r.Profile, text.Count(s.Workloads, "workload"), s.Changed, s.Workloads-s.Changed-s.Excluded, excluded, text.Count(s.Containers, "container")))
	if words := verdictWords(s.Verdicts); len(words) > 0 {
		out.Wrapped(plain, "", "Workloads by their worst verdict: "+strings.Join(words, ", ")+".")
	}
	if s.Hidden > 0 {
		out.Wrapped(plain, "", fmt.Sprintf("Not shown: %s below --min-severity %s.", text.Count(s.Hidden, "finding"), r.MinSeverity))
	}
	out.excluded(r)
	out.notPreviewed(r)
	if s.Workloads == s.Excluded {
		return
	}
	out.Line("")
	var fields, levels, findings [][]string
	for _, f := range s.Fields {
		v := f.Verdicts
		fields = append(fields, append([]string{f.Field}, counts(f.Inject, f.Leave, f.Skip, v.Breaks, v.Risk.Total(), v.Unknown, v.Fits)...))
	}
	out.columns([]string{"SETTING", "INJECT", "LEAVE", "SKIP", "BREAKS", "RISK", "UNKNOWN", "FITS"},
		[]string{"SETTING", "INJ", "LEAVE", "SKIP", "BRK", "RISK", "UNK", "FITS"}, fields)
	out.Line("")
	before, after := s.PodSecurity.Before, s.PodSecurity.After
	levels = append(levels, append([]string{"before"}, counts(before.Privileged, before.Baseline, before.Restricted)...))
	levels = append(levels, append([]string{"after"}, counts(after.Privileged, after.Baseline, after.Restricted)...))
	out.columns([]string{"POD SECURITY", "PRIVILEGED", "BASELINE", "RESTRICTED"}, []string{"LEVEL", "PRIV", "BASE", "RESTR"}, levels)
	if !alone || len(s.Findings) == 0 {
		return
	}
	out.Line("")
	for _, f := range s.Findings {
		findings = append(findings, []string{text.Visible(f.ID), markOf(f.Verdict, f.Severity).meaning, strconv.Itoa(f.Workloads), text.Visible(f.Title)})
	}
	out.columns([]string{"FINDING", "WORST", "WORKLOADS", "WHAT MAY BREAK"}, []string{"FINDING", "WORST", "IN", "WHAT MAY BREAK"}, findings)
}

func counts(numbers ...int) (cells []string) {
	for _, n := range numbers {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// verdictWords writes counts in words, such as "3 high risk". What is not there is left out.
func verdictWords(c preview.VerdictCounts) []string {
	var words []string
	for _, part := range []struct {
		count int
		word  string
	}{
		{c.Breaks, "breaks"}, {c.Risk.High, "high risk"}, {c.Risk.Medium, "medium risk"}, {c.Risk.Low, "low risk"},
		{c.Unknown, "unknown"}, {c.Fits, "fits"},
	} {
		if part.count > 0 {
			words = append(words, fmt.Sprintf("%d %s", part.count, part.word))
		}
	}
	return words
}

// mostReasons is how many reasons the list of what is excluded has, and mostExcluded how
// many workloads it names for each.
const (
	mostReasons  = 10
	mostExcluded = 3
)

// excluded lists what is excluded by the reasons.
func (out *printer) excluded(r *preview.Report) {
	var reasons []string
	names, counts := map[string][]string{}, map[string]int{}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if w.Excluded == "" {
			continue
		}
		if counts[w.Excluded]++; counts[w.Excluded] == 1 {
			reasons = append(reasons, w.Excluded)
		}
		if len(names[w.Excluded]) < mostExcluded {
			names[w.Excluded] = append(names[w.Excluded], text.Visible(w.Kind)+" "+fullName(w))
		}
	}
	rest := 0
	for i, why := range reasons {
		if i >= mostReasons && len(reasons) > mostReasons+1 {
			rest += counts[why]
			continue
		}
		list := strings.Join(names[why], ", ")
		if more := counts[why] - len(names[why]); more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
		out.Wrapped(plain, "", "Excluded: "+list+": "+text.Visible(why)+".")
	}
	if rest > 0 {
		out.Line("Excluded for other reasons: %s.", text.Count(rest, "workload"))
	}
}
