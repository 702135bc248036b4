// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caseharden/caseharden/defaults"
)

// sum adds the workloads up.
func (r *Report) sum() {
	s := &r.Summary
	fields := map[string]*FieldSummary{}
	hazardous := map[string]int{}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		s.Workloads++
		if w.Excluded != "" {
			s.Excluded++
			continue
		}
		if w.Changed {
			s.Changed++
		}
		s.Containers += len(w.Containers)
		w.eachDecision(func(d Decision) {
			if fields[d.Field] == nil {
				fields[d.Field] = &FieldSummary{Field: d.Field}
			}
			fields[d.Field].count(d.Outcome)
		})
		for _, id := range w.hazardIDs() {
			hazardous[id]++
		}
		s.PodSecurity.Before.count(w.PodSecurity.Before)
		s.PodSecurity.After.count(w.PodSecurity.After)
	}
	if s.PassedOver == nil {
		s.PassedOver = []KindSummary{}
	}
	slices.SortFunc(s.PassedOver, func(a, b KindSummary) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	s.Fields = []FieldSummary{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		s.Fields = append(s.Fields, *fields[name])
	}
	s.Hazards = []HazardSummary{}
	for _, h := range Hazards() {
		if hazardous[h.ID] > 0 {
			s.Hazards = append(s.Hazards, HazardSummary{ID: h.ID, Title: h.Title, Workloads: hazardous[h.ID]})
		}
	}
	slices.SortFunc(s.Hazards, func(a, b HazardSummary) int { return cmp.Compare(a.ID, b.ID) })
}

func (w *Workload) eachDecision(f func(Decision)) {
	for _, d := range w.Pod {
		f(d)
	}
	for _, c := range w.Containers {
		for _, d := range c.Decisions {
			f(d)
		}
	}
}

// hazardIDs returns the hazards of a workload, each once.
func (w *Workload) hazardIDs() []string {
	var ids []string
	for _, h := range w.Hazards {
		if !slices.Contains(ids, h.ID) {
			ids = append(ids, h.ID)
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
