// SPDX-License-Identifier: Apache-2.0

package narrow

import (
	"cmp"
	"maps"
	"slices"
)

// A Search looks for the cheapest candidate that works. It is told at the start that the
// whole profile does not work, and that everything left as the author has it does.
//
// What the evidence suggests comes first, the latest suggestion before the earlier ones.
// After that it goes by rounds, each of which begins when nothing runs any more:
//
//	as long as none works      each setting left out alone; then what breaks when it is the
//	                           only one that is not left out, all of that left out at once;
//	                           then delta debugging: halves, and what is left without them
//	as soon as one works       the same with one answer less or finer, and with the finest
//	                           answers of all settings at once
//
// It ends when nothing cheaper is left to try next to the best, or after the rounds.
type Search struct {
	settings  []*Setting
	rounds    int             // that are left
	tried     map[string]bool // whether it worked, by key
	running   map[string]bool // by key
	found     map[string]Candidate
	withdrawn map[string]bool // answers, by the key of the candidate that has it alone
	suggest   []Candidate
	hints     int         // suggestions that may still be tried
	queue     []Candidate // of this round
	step      int         // of those without a candidate that works
	parts     int         // into how many parts delta debugging cuts
}

// hintsPerRound bounds the suggestions that are tried: evidence may go on for ever.
const hintsPerRound = 6

// New returns a search that takes at most this many rounds.
func New(settings []Setting, rounds int) *Search {
	s := &Search{tried: map[string]bool{}, running: map[string]bool{}, found: map[string]Candidate{}, withdrawn: map[string]bool{}, parts: 2}
	s.Extend(rounds)
	for _, setting := range settings {
		s.settings = append(s.settings, &Setting{ID: setting.ID, Suspicion: setting.Suspicion, Answers: slices.Clone(setting.Answers)})
	}
	s.tried[Candidate{}.Key()] = false
	everything := s.everything()
	s.tried[everything.Key()], s.found[everything.Key()] = true, everything
	return s
}

// everything leaves every setting as the author has it.
func (s *Search) everything() Candidate {
	c := Candidate{}
	for _, setting := range s.settings {
		c[setting.ID] = Leave
	}
	return c
}

// Answer adds an answer that a setting may have. It must cost less than leaving it.
func (s *Search) Answer(setting string, a Alternative) {
	if i := slices.IndexFunc(s.settings, func(o *Setting) bool { return o.ID == setting }); i >= 0 {
		s.settings[i].add(a)
	}
}

// Withdraw says that an answer is not worth trying any more.
func (s *Search) Withdraw(setting, answer string) {
	s.withdrawn[Candidate{setting: answer}.Key()] = true
}

// Suspect says that there is evidence against a setting.
func (s *Search) Suspect(setting string, weight int) {
	if i := slices.IndexFunc(s.settings, func(o *Setting) bool { return o.ID == setting }); i >= 0 {
		s.settings[i].Suspicion += weight
	}
}

// Suggest has a candidate tried next, since the evidence speaks for it.
func (s *Search) Suggest(c Candidate) { s.suggest = append(s.suggest, c) }

// Record says what came of a candidate. A candidate that was recorded as working and breaks
// later, in the proof, can be recorded again.
func (s *Search) Record(c Candidate, works bool) {
	s.tried[c.Key()] = works
	delete(s.running, c.Key())
	delete(s.found, c.Key())
	if works {
		s.found[c.Key()] = c
	}
}

// GiveUp says that nothing came of a candidate. It may be tried again.
func (s *Search) GiveUp(c Candidate) { delete(s.running, c.Key()) }

// Doubt forgets which candidates worked, but for the one that leaves everything, and has them
// tried again: what was recorded was concluded too soon.
func (s *Search) Doubt() {
	everything := s.everything().Key()
	for key, c := range s.found {
		if key == everything {
			continue
		}
		delete(s.found, key)
		delete(s.tried, key)
		s.suggest = append(s.suggest, c)
	}
	slices.SortFunc(s.suggest, func(a, b Candidate) int { return cmp.Compare(s.Cost(b), s.Cost(a)) }) // the last is tried first
}

// Extend allows more rounds.
func (s *Search) Extend(rounds int) {
	s.rounds += rounds
	s.hints += rounds * hintsPerRound
}

// Tried reports whether a candidate was tried, and whether it worked.
func (s *Search) Tried(c Candidate) (worked, tried bool) {
	worked, tried = s.tried[c.Key()]
	return worked, tried
}

// Best returns the cheapest candidate that worked. It is false where that is the one which
// leaves everything: then nothing was found.
func (s *Search) Best() (best Candidate, found bool) {
	everything := s.everything()
	best = everything
	for _, c := range s.found {
		if d := cmp.Compare(s.Cost(c), s.Cost(best)); d < 0 || d == 0 && c.Key() < best.Key() {
			best = c
		}
	}
	return best, best.Key() != everything.Key()
}

// Found returns the candidates that worked.
func (s *Search) Found() []Candidate { return slices.Collect(maps.Values(s.found)) }

// Cost returns how much security a candidate costs.
func (s *Search) Cost(c Candidate) int {
	sum := 0
	for _, setting := range s.settings {
		sum += setting.cost(c[setting.ID])
	}
	return sum
}

// Next returns the candidate to run next, beside those that run: each has to be recorded, or
// given up. It is false if there is none now. If none runs either, the search is over.
func (s *Search) Next() (Candidate, bool) {
	for {
		for len(s.suggest) > 0 && s.hints > 0 {
			last := len(s.suggest) - 1
			c := s.suggest[last]
			if s.suggest = s.suggest[:last]; s.start(c) {
				s.hints--
				return c, true
			}
		}
		for len(s.queue) > 0 {
			c := s.queue[0]
			if s.queue = s.queue[1:]; s.start(c) {
				return c, true
			}
		}
		if len(s.running) > 0 || s.rounds <= 0 {
			return nil, false
		}
		if best, found := s.Best(); found {
			s.queue = s.untried(s.neighbors(best))
		} else {
			s.queue = s.without()
		}
		if len(s.queue) == 0 {
			return nil, false
		}
		s.rounds--
	}
}

// start notes that a candidate runs, unless that teaches nothing, or it runs already.
func (s *Search) start(c Candidate) bool {
	if s.running[c.Key()] || !s.teaches(c) {
		return false
	}
	s.running[c.Key()] = true
	return true
}

// teaches reports whether a candidate was not tried, has no answer that was withdrawn, and costs
// less than what works.
func (s *Search) teaches(c Candidate) bool {
	if _, tried := s.tried[c.Key()]; tried {
		return false
	}
	for setting, answer := range c {
		if s.withdrawn[Candidate{setting: answer}.Key()] {
			return false
		}
	}
	best, found := s.Best()
	return !found || s.Cost(c) < s.Cost(best)
}

// untried returns the candidates that teach something, each once.
func (s *Search) untried(all []Candidate) []Candidate {
	var kept []Candidate
	for _, c := range all {
		if s.teaches(c) && !slices.ContainsFunc(kept, func(o Candidate) bool { return o.Key() == c.Key() }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// Smallest reports whether every candidate next to the best was tried: the search did not end
// for want of rounds.
func (s *Search) Smallest() bool {
	best, found := s.Best()
	return found && len(s.untried(s.neighbors(best))) == 0
}

// ordered returns the settings, the most suspicious first.
func (s *Search) ordered() []*Setting {
	all := slices.Clone(s.settings)
	slices.SortStableFunc(all, func(a, b *Setting) int { return cmp.Compare(b.Suspicion, a.Suspicion) })
	return all
}
