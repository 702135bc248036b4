// SPDX-License-Identifier: Apache-2.0

package narrow

import (
	"cmp"
	"slices"
)

// A Search looks for the cheapest candidate that works. It is told at the start that the
// whole profile does not work, and that everything left as the author has it does.
//
// Each round tries several candidates side by side:
//
//	as long as none works      each setting left out alone; then what breaks when it is the
//	                           only one that is not left out, all of that left out at once;
//	                           then delta debugging: halves, and what is left without them
//	as soon as one works       the same with one answer less or finer, and with the finest
//	                           answers of all settings at once
//	in any round               what the evidence suggests
//
// It ends when nothing cheaper is left to try next to the best, or after the rounds.
type Search struct {
	settings []*Setting
	rounds   int             // that are left
	tried    map[string]bool // whether it worked, by key
	found    map[string]Candidate
	suggest  []Candidate
	step     int // of those without a candidate that works
	parts    int // into how many parts delta debugging cuts
}

// New returns a search that takes at most this many rounds.
func New(settings []Setting, rounds int) *Search {
	s := &Search{rounds: rounds, tried: map[string]bool{}, found: map[string]Candidate{}, parts: 2}
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
func (s *Search) Answer(setting string, a Answer) {
	if i := slices.IndexFunc(s.settings, func(o *Setting) bool { return o.ID == setting }); i >= 0 {
		s.settings[i].add(a)
	}
}

// Suspect says that there is evidence against a setting.
func (s *Search) Suspect(setting string, weight int) {
	if i := slices.IndexFunc(s.settings, func(o *Setting) bool { return o.ID == setting }); i >= 0 {
		s.settings[i].Suspicion += weight
	}
}

// Suggest has a candidate tried in the next round, since the evidence speaks for it.
func (s *Search) Suggest(c Candidate) { s.suggest = append(s.suggest, c) }

// Record says what came of a candidate. A candidate that was recorded as working and breaks
// later, in the proof, can be recorded again.
func (s *Search) Record(c Candidate, works bool) {
	s.tried[c.Key()] = works
	delete(s.found, c.Key())
	if works {
		s.found[c.Key()] = c
	}
}

// Doubt forgets which candidates worked, but for the one that leaves everything, and has them
// tried again in the next round: what was recorded was concluded too soon.
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
	slices.SortFunc(s.suggest, func(a, b Candidate) int { return cmp.Compare(s.Cost(a), s.Cost(b)) })
}

// Extend allows more rounds.
func (s *Search) Extend(rounds int) { s.rounds += rounds }

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

// Cost returns how much security a candidate costs.
func (s *Search) Cost(c Candidate) int {
	sum := 0
	for _, setting := range s.settings {
		sum += setting.cost(c[setting.ID])
	}
	return sum
}

// Next returns the candidates of the next round, none of which was tried before; none if
// the search is over.
func (s *Search) Next() []Candidate {
	if s.rounds <= 0 {
		return nil
	}
	batch := s.untried(s.suggest)
	s.suggest = nil
	best, found := s.Best()
	if found {
		batch = s.merge(batch, s.neighbors(best))
	} else {
		batch = s.merge(batch, s.without())
	}
	// What costs more than what works already teaches nothing.
	if found {
		batch = slices.DeleteFunc(batch, func(c Candidate) bool { return s.Cost(c) >= s.Cost(best) })
	}
	if len(batch) > 0 {
		s.rounds--
	}
	return batch
}

// untried returns the candidates that were not tried yet, each once.
func (s *Search) untried(all []Candidate) []Candidate { return s.merge(nil, all) }

func (s *Search) merge(batch, more []Candidate) []Candidate {
	for _, c := range more {
		_, tried := s.tried[c.Key()]
		if !tried && !slices.ContainsFunc(batch, func(o Candidate) bool { return o.Key() == c.Key() }) {
			batch = append(batch, c)
		}
	}
	return batch
}

// ordered returns the settings, the most suspicious first.
func (s *Search) ordered() []*Setting {
	all := slices.Clone(s.settings)
	slices.SortStableFunc(all, func(a, b *Setting) int { return cmp.Compare(b.Suspicion, a.Suspicion) })
	return all
}

// without returns what to try while nothing works but leaving everything.
func (s *Search) without() []Candidate {
	for {
		s.step++
		var batch []Candidate
		switch {
		case s.step == 1:
			for _, setting := range s.ordered() {
				batch = append(batch, Candidate{setting.ID: Leave})
			}
		case s.step == 2:
			batch = append(s.pairs(), s.alone()...)
		case s.step == 3:
			batch = []Candidate{s.breaksAlone()}
		case s.parts <= len(s.settings):
			batch = s.cut()
			s.parts = min(2*s.parts, max(len(s.settings), s.parts+1))
		default:
			return nil
		}
		if batch = s.untried(batch); len(batch) > 0 {
			return batch
		}
	}
}

// pairs returns the pairs of the most suspicious settings.
func (s *Search) pairs() []Candidate {
	var pairs []Candidate
	suspects := s.ordered()
	suspects = suspects[:min(len(suspects), 3)]
	for i, a := range suspects {
		for _, b := range suspects[i+1:] {
			pairs = append(pairs, Candidate{a.ID: Leave, b.ID: Leave})
		}
	}
	return pairs
}

// alone returns what leaves everything but one setting, for each.
func (s *Search) alone() []Candidate {
	var all []Candidate
	for _, setting := range s.ordered() {
		all = append(all, s.everything().with(setting.ID, ""))
	}
	return all
}

// breaksAlone leaves every setting that broke when it was the only one.
func (s *Search) breaksAlone() Candidate {
	c := Candidate{}
	for _, setting := range s.settings {
		if worked, tried := s.Tried(s.everything().with(setting.ID, "")); tried && !worked {
			c[setting.ID] = Leave
		}
	}
	return c
}

// cut returns the parts of all settings, and what is left without each: delta debugging, as
// Zeller and Hildebrandt describe it.
func (s *Search) cut() []Candidate {
	all := s.ordered()
	var parts, rests []Candidate
	for i := range s.parts {
		part, rest := Candidate{}, s.everything()
		for _, setting := range all[i*len(all)/s.parts : (i+1)*len(all)/s.parts] {
			part[setting.ID] = Leave
			delete(rest, setting.ID)
		}
		parts, rests = append(parts, part), append(rests, rest)
	}
	return append(parts, rests...)
}

// neighbors returns the candidates next to one that works that cost less: one setting as
// in the profile, or with a finer answer, and the finest answers of all at once, since often
// all of them are right.
func (s *Search) neighbors(best Candidate) []Candidate {
	var batch []Candidate
	finest := best
	for _, setting := range s.ordered() {
		answer, found := best[setting.ID]
		if !found {
			continue
		}
		finer := setting.finer(answer)
		for _, a := range append([]Answer{{}}, finer...) {
			batch = append(batch, best.with(setting.ID, a.ID))
		}
		if len(finer) > 0 {
			finest = finest.with(setting.ID, finer[0].ID)
		}
	}
	return append(batch, finest)
}
