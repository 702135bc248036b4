// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package judge compares what the preview finds with the truth: with what the applications
// needed when they ran. A setting is to be named if the smallest profile under which the
// application serves differs there. A finding is right if it names such a setting.
//
// Start reading at Judge.
package judge

import (
	"fmt"
	"slices"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// A Finding is one of the preview's, as its JSON has it.
type Finding struct {
	ID       string   `json:"id"`
	Settings []string `json:"settings"`
	Verdict  string   `json:"verdict"` // breaks, risk, unknown or fits
	What     string   `json:"what"`
}

// claims reports whether the finding says that a setting has to differ.
func (f Finding) claims() bool { return f.Verdict == "breaks" || f.Verdict == "risk" }

// A Score counts, over applications.
type Score struct {
	Needed      int `json:"needed"`      // settings that had to differ
	Found       int `json:"found"`       // of these, those that were named
	Cause       int `json:"cause"`       // of these, those with the right cause
	Findings    int `json:"findings"`    // that claim that a setting has to differ
	Right       int `json:"right"`       // of these, those that name one which has to differ
	Breaks      int `json:"breaks"`      // findings that say it is proven
	BreaksRight int `json:"breaksRight"` // of these, those that name one which has to differ
	Apps        int `json:"apps"`
	Silent      int `json:"silent"` // applications that fail under profile hardened without a finding

	Misses []string `json:"-"` // settings that were not named
	Wrongs []string `json:"-"` // findings that name none which had to differ
}

// Judge scores the findings about one application.
func Judge(truth catalogue.AppTruth, findings []Finding) Score {
	// Where several profiles are the smallest, the one counts that the findings fit best.
	var best Score
	for i, v := range truth.Smallest {
		if s := judge(truth, v, findings); i == 0 || s.Found*best.Needed > best.Found*s.Needed || s.Needed == 0 && best.Needed > 0 {
			best = s
		}
	}
	return best
}

func judge(truth catalogue.AppTruth, smallest catalogue.Variant, findings []Finding) Score {
	s := Score{Apps: 1}
	for _, d := range needed(truth, smallest) {
		setting := d.Setting
		s.Needed++
		named := slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
			return !f.claims() || !slices.Contains(f.Settings, setting) && (d.Also == "" || !slices.Contains(f.Settings, d.Also))
		})
		if len(named) == 0 {
			s.Misses = append(s.Misses, fmt.Sprintf("%s: %s has to differ (%s)", truth.Name, setting, d.Cause))
			continue
		}
		s.Found++
		if slices.ContainsFunc(named, func(f Finding) bool { return slices.Contains(causesOf[f.ID], d.Cause) }) {
			s.Cause++
		}
	}
	// A finding is right if one of the smallest profiles differs where it says.
	var any []string
	for _, v := range truth.Smallest {
		for _, d := range needed(truth, v) {
			any = append(any, d.Setting, d.Also)
		}
	}
	for _, f := range findings {
		if !f.claims() {
			continue
		}
		right := slices.ContainsFunc(f.Settings, func(setting string) bool { return slices.Contains(any, setting) })
		s.Findings++
		if right {
			s.Right++
		} else {
			s.Wrongs = append(s.Wrongs, fmt.Sprintf("%s: %s (%s) names %v", truth.Name, f.ID, f.Verdict, f.Settings))
		}
		if f.Verdict == "breaks" {
			s.Breaks++
			if right {
				s.BreaksRight++
			}
		}
	}
	if !truth.Works[catalogue.Without().String()] && s.Findings == 0 {
		s.Silent = 1
	}
	return s
}

// needed returns the settings in which one of the smallest profiles differs. The causes are
// known for the first of them, and for the others where they differ in the same setting.
func needed(truth catalogue.AppTruth, smallest catalogue.Variant) (found []catalogue.Difference) {
	if smallest.String() == truth.Smallest[0].String() {
		return truth.Differs
	}
	for _, setting := range smallest.Differs() {
		d := catalogue.Difference{Setting: setting}
		if i := slices.IndexFunc(truth.Differs, func(d catalogue.Difference) bool { return d.Setting == setting || d.Also == setting }); i >= 0 {
			d = truth.Differs[i]
		} else if len(truth.Differs) == 1 {
			d.Cause = truth.Differs[0].Cause // another way to answer the same
		}
		found = append(found, d)
	}
	return found
}

// Add adds another score up.
func (s *Score) Add(o Score) {
	s.Needed += o.Needed
	s.Found += o.Found
	s.Cause += o.Cause
	s.Findings += o.Findings
	s.Right += o.Right
	s.Breaks += o.Breaks
	s.BreaksRight += o.BreaksRight
	s.Apps += o.Apps
	s.Silent += o.Silent
	s.Misses = append(s.Misses, o.Misses...)
	s.Wrongs = append(s.Wrongs, o.Wrongs...)
}

// Recall is the share of the settings that had to differ which were named.
func (s Score) Recall() float64 { return share(s.Found, s.Needed) }

// Precision is the share of the findings that name a setting which had to differ.
func (s Score) Precision() float64 { return share(s.Right, s.Findings) }

// RightCause is the share of the settings that were named for the right cause.
func (s Score) RightCause() float64 { return share(s.Cause, s.Found) }

func share(part, all int) float64 {
	if all == 0 {
		return 1
	}
	return float64(part) / float64(all)
}
