// SPDX-License-Identifier: Apache-2.0

package narrow

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Setting is a part of the profile that a container may not take as it is.
type Setting struct {
	ID        string
	Suspicion int // how much evidence there is against it: higher is tried first

	// Answers are what the setting may be instead, without order. One of them leaves the
	// setting as the author has it: its ID is [Leave].
	Answers []Alternative
}

// An Alternative is what a setting may be instead of what the profile has.
type Alternative struct {
	ID   string
	Cost int // how much security it costs; above zero
}

// Leave is the ID of the answer that leaves a setting as the author has it.
const Leave = "leave"

// A Candidate says for which settings there is an answer, and which: a map of the IDs. What
// it does not name is as in the profile. The empty candidate is the whole profile.
type Candidate map[string]string

// Key is the same for the same candidates.
func (c Candidate) Key() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, id+"="+c[id])
	}
	return strings.Join(parts, " ")
}

// with returns the candidate with another answer for one setting; "" is none.
func (c Candidate) with(setting, answer string) Candidate {
	other := maps.Clone(c)
	if other == nil {
		other = Candidate{}
	}
	if answer == "" {
		delete(other, setting)
	} else {
		other[setting] = answer
	}
	return other
}

// add adds an answer to a setting, unless it is there.
func (s *Setting) add(a Alternative) bool {
	if a.Cost <= 0 {
		panic(fmt.Sprintf("internal error: answer %s of setting %s costs nothing", a.ID, s.ID))
	}
	if slices.ContainsFunc(s.Answers, func(b Alternative) bool { return a.ID == b.ID }) {
		return false
	}
	s.Answers = append(s.Answers, a)
	return true
}

func (s *Setting) cost(answer string) int {
	for _, a := range s.Answers {
		if a.ID == answer {
			return a.Cost
		}
	}
	return 0
}

// finer returns the answers that cost less than one, cheapest first.
func (s *Setting) finer(answer string) []Alternative {
	var finer []Alternative
	for _, a := range s.Answers {
		if a.Cost < s.cost(answer) {
			finer = append(finer, a)
		}
	}
	slices.SortStableFunc(finer, func(a, b Alternative) int { return cmp.Compare(a.Cost, b.Cost) })
	return finer
}
