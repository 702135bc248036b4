// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"slices"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
)

// SetVerdicts gives every setting that would be injected the worst verdict of the findings
// that name it, and the workload the worst of all. A setting that no finding names is
// unknown: nothing says that the container works with it.
func (w *Workload) SetVerdicts() {
	w.Verdict, w.Severity = "", ""
	if !w.Changed {
		return
	}
	w.Verdict = evidence.Fits
	judge := func(container string, decisions []Decision) {
		for i := range decisions {
			d := &decisions[i]
			d.Verdict, d.Severity = "", ""
			if defaults.Outcome(d.Outcome) != defaults.Inject {
				continue
			}
			for j := range w.Findings {
				f := &w.Findings[j]
				if (f.Container == "" || container == "" || f.Container == container) && slices.Contains(f.Settings, d.Field) && Rank(f.Verdict, f.Severity) > Rank(d.Verdict, d.Severity) {
					d.Verdict, d.Severity = f.Verdict, f.Severity
				}
			}
			d.Verdict, d.Severity = plainVerdict(d.Verdict, d.Severity)
			w.worsen(d.Verdict, d.Severity)
		}
	}
	judge("", w.Pod)
	for i := range w.Containers {
		judge(w.Containers[i].Name, w.Containers[i].Decisions)
	}
	for i := range w.Findings {
		w.worsen(plainVerdict(w.Findings[i].Verdict, w.Findings[i].Severity))
	}
}

func (w *Workload) worsen(v evidence.Verdict, s evidence.Severity) {
	if unknownIsWorse(v) > unknownIsWorse(w.Verdict) || v == w.Verdict && Rank(v, s) > Rank(w.Verdict, w.Severity) {
		w.Verdict, w.Severity = v, s
	}
}

// unknownIsWorse ranks the verdicts of different settings, of which one that is unknown
// leaves the workload unknown although another one fits.
func unknownIsWorse(v evidence.Verdict) int {
	return slices.Index([]evidence.Verdict{evidence.Fits, evidence.Unknown, evidence.Risk, evidence.Breaks}, v)
}

// plainVerdict leaves out the severity where it says nothing.
func plainVerdict(v evidence.Verdict, s evidence.Severity) (evidence.Verdict, evidence.Severity) {
	switch v {
	case evidence.Breaks, evidence.Risk:
		return v, s
	case evidence.Fits:
		return v, ""
	}
	return evidence.Unknown, ""
}

// Rank orders what findings say of one setting, from the least to the worst:
//
//	nothing        0
//	unknown        1
//	fits           2   proven, which no lack of evidence takes away
//	risk           3 to 5, by severity
//	breaks         6
func Rank(v evidence.Verdict, s evidence.Severity) int {
	switch v {
	case evidence.Breaks:
		return 6
	case evidence.Risk:
		return 3 + severityRank(s)
	case evidence.Fits:
		return 2
	case evidence.Unknown:
		return 1
	}
	return 0
}

// Severities are all severities, from the least.
func Severities() []evidence.Severity {
	return []evidence.Severity{evidence.Low, evidence.Medium, evidence.High}
}

func severityRank(s evidence.Severity) int { return max(0, slices.Index(Severities(), s)) }

// hide takes the findings below a severity out of the workload, and returns how many they
// are. The verdicts stay as they are.
func (w *Workload) hide(below evidence.Severity) int {
	before := len(w.Findings)
	w.Findings = slices.DeleteFunc(w.Findings, func(f evidence.Finding) bool {
		return f.Verdict != evidence.Breaks && severityRank(f.Severity) < severityRank(below)
	})
	return before - len(w.Findings)
}

// ByRisk returns the workloads, riskiest first, and else in their order: by their verdicts,
// then by the number of settings that break or are at risk, then by what would be injected.
// Those that nothing would be injected into come last, and the excluded ones behind them.
func ByRisk(workloads []Workload) []*Workload {
	type ranked struct {
		*Workload
		rank, inject int
		settings     [7]int // by rank
	}
	all := make([]ranked, len(workloads))
	for i := range workloads {
		w := &workloads[i]
		r := ranked{Workload: w, rank: Rank(w.Verdict, w.Severity)}
		switch {
		case w.Excluded != "":
			r.rank = -1
		case w.Verdict == evidence.Unknown:
			r.rank = 2
		case w.Verdict == evidence.Fits:
			r.rank = 1
		}
		w.EachDecision(func(d Decision) {
			r.settings[Rank(d.Verdict, d.Severity)]++
			if defaults.Outcome(d.Outcome) == defaults.Inject {
				r.inject++
			}
		})
		all[i] = r
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		order := cmp.Compare(b.rank, a.rank)
		for i := len(a.settings) - 1; i > 2 && order == 0; i-- {
			order = cmp.Compare(b.settings[i], a.settings[i])
		}
		return cmp.Or(order, cmp.Compare(b.inject, a.inject))
	})
	sorted := make([]*Workload, len(all))
	for i, r := range all {
		sorted[i] = r.Workload
	}
	return sorted
}
