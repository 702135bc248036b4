// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// EnforceLabel is the label of a namespace whose Pods the webhook hardens.
const EnforceLabel = "caseharden.io/enforce"

// The labels of all copies: one by which all of them are found, and one for each trial.
const (
	TrialLabel = "caseharden.io/trial" // the ID of the trial
	CopyLabel  = "caseharden.io/copy"  // what the copy is for
)

// costs are what it costs that a copy is selected by an object of each use, or, for
// Restricts, that it is not although the workload's pods are. What is forbidden outweighs
// everything else.
var costs = map[Use]int{Adopts: forbidden, Counts: forbidden, PublishesAll: forbidden, Restricts: 1000, SendsTraffic: 100, Protects: 100}

const forbidden = 1_000_000

// maxLabelsTried bounds the labels of which every combination is tried.
const maxLabelsTried = 14

// A Labelling is the labels of copies, and what follows from them.
type Labelling struct {
	Labels  map[string]string
	Removed []string   // labels of the template that copies do not have
	Blocked []Selector // that must not select a copy, and do
	Notes   []string   // what else selects a copy, or no longer does
}

// labelsFor computes the labels of copies from what selects in the namespace: those of the
// template, without the fewest that keep away what must not select a copy, and, as far as
// that goes, with those by which policies apply to the workload's pods.
func labelsFor(template map[string]string, selectors []Selector) Labelling {
	var keys []string
	for key := range template {
		if slices.ContainsFunc(selectors, func(s Selector) bool { return s.Use != Restricts && s.Matches(template) && mentions(s, key) }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	keys = keys[:min(len(keys), maxLabelsTried)]
	best, bestCost := template, -1
	for combination := range 1 << len(keys) {
		kept := maps.Clone(template)
		removed := 0
		for i, key := range keys {
			if combination&(1<<i) != 0 {
				delete(kept, key)
				removed++
			}
		}
		cost := removed
		for _, s := range selectors {
			if s.Matches(kept) != (s.Use == Restricts && s.Matches(template)) {
				cost += costs[s.Use]
			}
		}
		if bestCost < 0 || cost < bestCost {
			best, bestCost = kept, cost
		}
	}
	return explain(template, best, selectors)
}

// mentions reports whether a selector asks for a label.
func mentions(s Selector, key string) bool {
	requirements, _ := s.Labels.Requirements()
	for _, r := range requirements {
		if r.Key() == key {
			return true
		}
	}
	return false
}

func explain(template, kept map[string]string, selectors []Selector) Labelling {
	l := Labelling{Labels: maps.Clone(kept)}
	if l.Labels == nil {
		l.Labels = map[string]string{}
	}
	for key := range template {
		if _, found := kept[key]; !found {
			l.Removed = append(l.Removed, key)
		}
	}
	slices.Sort(l.Removed)
	ordered := slices.Clone(selectors)
	slices.SortStableFunc(ordered, func(a, b Selector) int { return cmp.Compare(a.Object(), b.Object()) })
	for _, s := range ordered {
		selected, before := s.Matches(kept), s.Matches(template)
		switch {
		case s.Use == Restricts && before && !selected:
			l.Notes = append(l.Notes, fmt.Sprintf("%s applies to the workload's pods and not to the copies, which do not have the label %s", s.Object(), strings.Join(l.Removed, ", ")))
		case s.Use == Restricts && !before && selected:
			l.Notes = append(l.Notes, fmt.Sprintf("%s applies to the copies and not to the workload's pods", s.Object()))
		case s.Use == Restricts || !selected:
		case costs[s.Use] >= forbidden:
			l.Blocked = append(l.Blocked, s)
		default:
			l.Notes = append(l.Notes, fmt.Sprintf("%s selects the copies. A readiness gate that nobody sets keeps them from being ready", s.Object()))
		}
	}
	return l
}
