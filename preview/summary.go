// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// Summarize adds workloads up. Objects and kinds without pods are not among them.
func Summarize(workloads []Workload) Summary {
	s := Summary{Ignored: []KindSummary{}, Fields: []FieldSummary{}, Findings: []FindingSummary{}}
	fields := map[string]*FieldSummary{}
	found := map[string]int{}
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
		s.Containers += len(w.Containers)
		w.EachDecision(func(d Decision) {
			if fields[d.Field] == nil {
				fields[d.Field] = &FieldSummary{Field: d.Field}
			}
			fields[d.Field].count(d.Outcome)
		})
		for _, id := range w.findingIDs() {
			found[id]++
		}
		s.PodSecurity.Before.count(w.PodSecurity.Before)
		s.PodSecurity.After.count(w.PodSecurity.After)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		s.Fields = append(s.Fields, *fields[name])
	}
	for _, h := range hazard.All() {
		if found[h.ID] > 0 {
			s.Findings = append(s.Findings, FindingSummary{ID: h.ID, Title: h.Title, Workloads: found[h.ID]})
		}
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

// findingIDs returns the IDs of the findings of a workload, each once.
func (w *Workload) findingIDs() []string {
	var ids []string
	for _, f := range w.Findings {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

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
