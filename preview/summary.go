// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// Summarize adds workloads up. Objects and kinds without pods are not among them.
func Summarize(workloads []Workload) Summary {
	s := Summary{Ignored: []KindSummary{}, Fields: []FieldSummary{}, Findings: []FindingSummary{}}
	fields := map[string]*FieldSummary{}
	found := map[string]*FindingSummary{}
	for i := range workloads {
		w := &workloads[i]
		s.Workloads++
		if w.Excluded != "" {
			s.Excluded++
			continue
		}
		if w.Changed {
			s.Changed++
		}
		s.Verdicts.count(w.Verdict, w.Severity)
		s.Containers += len(w.Containers)
		w.EachDecision(func(d Decision) {
			if fields[d.Field] == nil {
				fields[d.Field] = &FieldSummary{Field: d.Field}
			}
			fields[d.Field].count(d.Outcome)
			fields[d.Field].Verdicts.count(d.Verdict, d.Severity)
		})
		w.countFindings(found)
		s.PodSecurity.Before.count(w.PodSecurity.Before)
		s.PodSecurity.After.count(w.PodSecurity.After)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		s.Fields = append(s.Fields, *fields[name])
	}
	for _, c := range hazard.Causes() {
		if f := found[c.ID]; f != nil {
			f.Title = c.Title
			delete(found, c.ID)
			s.Findings = append(s.Findings, *f)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		found[id].Title = id
		s.Findings = append(s.Findings, *found[id])
	}
	return s
}

// EachDecision calls f with every decision on a workload.
func (w *Workload) EachDecision(f func(Decision)) {
	for _, d := range w.Pod {
		f(d)
	}
	for _, c := range w.Containers {
		for _, d := range c.Decisions {
			f(d)
		}
	}
}

// countFindings counts the workload once for each ID among its findings.
func (w *Workload) countFindings(found map[string]*FindingSummary) {
	for i := range w.Findings {
		f := &w.Findings[i]
		s := found[f.ID]
		if s == nil {
			s = &FindingSummary{ID: f.ID, Verdict: f.Verdict, Severity: f.Severity}
			found[f.ID] = s
		}
		if Rank(f.Verdict, f.Severity) > Rank(s.Verdict, s.Severity) {
			s.Verdict, s.Severity = f.Verdict, f.Severity
		}
		if !slices.ContainsFunc(w.Findings[:i], func(earlier evidence.Finding) bool { return earlier.ID == f.ID }) {
			s.Workloads++
		}
	}
}

// count counts a verdict; none is not counted.
func (c *VerdictCounts) count(v evidence.Verdict, s evidence.Severity) {
	switch v {
	case evidence.Breaks:
		c.Breaks++
	case evidence.Risk:
		switch s {
		case evidence.High:
			c.Risk.High++
		case evidence.Medium:
			c.Risk.Medium++
		default:
			c.Risk.Low++
		}
	case evidence.Unknown:
		c.Unknown++
	case evidence.Fits:
		c.Fits++
	}
}

// Total is the number of risks of all severities.
func (c RiskCounts) Total() int { return c.High + c.Medium + c.Low }

func (f *FieldSummary) count(outcome string) {
	switch defaults.Outcome(outcome) {
	case defaults.Inject:
		f.Inject++
	case defaults.Leave:
		f.Leave++
	case defaults.Skip:
		f.Skip++
	}
}

func (c *LevelCounts) count(level string) {
	switch level {
	case "restricted":
		c.Restricted++
	case "baseline":
		c.Baseline++
	default:
		c.Privileged++
	}
}

// kinds counts objects of kinds that the preview does not know.
type kinds []KindSummary

// count counts an object, and returns the count of its kind.
func (k *kinds) count(apiVersion, kind string) *KindSummary {
	i := slices.IndexFunc(*k, func(known KindSummary) bool { return known.APIVersion == apiVersion && known.Kind == kind })
	if i < 0 {
		i = len(*k)
		*k = append(*k, KindSummary{APIVersion: apiVersion, Kind: kind, Hint: manifest.Hint(apiVersion, kind)})
	}
	(*k)[i].Objects++
	return &(*k)[i]
}

// sorted returns the counts in the order of their kinds.
func (k kinds) sorted() []KindSummary {
	slices.SortFunc(k, func(a, b KindSummary) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	return append([]KindSummary{}, k...)
}
