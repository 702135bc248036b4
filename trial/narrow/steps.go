// SPDX-License-Identifier: Apache-2.0

package narrow

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
		for _, a := range append([]Alternative{{}}, finer...) {
			batch = append(batch, best.with(setting.ID, a.ID))
		}
		if len(finer) > 0 {
			finest = finest.with(setting.ID, finer[0].ID)
		}
	}
	return append(batch, finest)
}
