// SPDX-License-Identifier: Apache-2.0

package status

import (
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
)

// NextRank ranks what the next restart brings, the worst highest.
func NextRank(n *Next) int { return 10 * preview.Rank(n.Verdict, n.Severity) }

func (r *Report) summarize() {
	s := Summary{Clusters: len(r.Clusters), States: map[State]int{}}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		s.Problems += len(c.Install.Problems)
		s.Waste += len(c.Waste)
		s.Unseen += len(c.Unseen)
		for j := range c.Namespaces {
			n := &c.Namespaces[j]
			s.Namespaces++
			s.Problems += len(n.Problems)
			s.Pods += n.Pods
			for state, count := range n.States {
				s.States[state] += count
			}
			for k := range n.Workloads {
				s.add(&n.Workloads[k])
			}
		}
	}
	r.Summary = s
}

func (s *Summary) add(w *Workload) {
	s.Workloads++
	if w.Unwell() {
		s.Unwell++
	}
	if len(w.Findings) > 0 {
		s.Suspects++
	}
	if w.Waiting {
		s.Waiting++
	}
	switch {
	case w.Next == nil:
	case w.Next.Verdict == evidence.Breaks:
		s.Next.Breaks++
	case w.Next.Verdict == evidence.Risk:
		s.Next.Risk++
	case w.Next.Verdict == evidence.Unknown:
		s.Next.Unknown++
	case w.Next.Verdict == evidence.Fits:
		s.Next.Fits++
	default:
		s.Next.Same++
	}
}

// Lacking returns how many Pods lack settings that their namespaces enforce.
func (s *Summary) Lacking() int {
	n := 0
	for state, count := range s.States {
		if state.lacks() {
			n += count
		}
	}
	return n
}
