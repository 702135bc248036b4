// SPDX-License-Identifier: Apache-2.0

package narrow_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/trial/narrow"
)

// The six settings, each with what it may be instead.
const (
	user    = "user"
	root    = "readOnlyRootFilesystem"
	caps    = "capabilities.drop"
	ape     = "allowPrivilegeEscalation"
	seccomp = "seccompProfile"
)

func settings() []narrow.Setting {
	return []narrow.Setting{
		{ID: user, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 90}, {ID: "user 999", Cost: 20}}},
		{ID: root, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 50}, {ID: "writable /tmp", Cost: 11}, {ID: "writable /run /tmp", Cost: 12}}},
		{ID: caps, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 70}, {ID: "keep CHOWN SETGID SETUID", Cost: 33}}},
		{ID: ape, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 45}}},
		{ID: seccomp, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 50}}},
	}
}

// oracle reports whether an application works under a candidate: it stands for a cluster.
type oracle func(c narrow.Candidate) bool

// search runs a search to its end, at most four candidates side by side, and counts rounds and
// copies: a round begins when nothing ran any more.
func search(t *testing.T, s *narrow.Search, works oracle) (rounds, copies int) {
	t.Helper()
	seen := map[string]bool{}
	var running []narrow.Candidate
	for {
		for len(running) < 4 {
			c, more := s.Next()
			if !more {
				break
			}
			if len(running) == 0 {
				rounds++
			}
			if seen[c.Key()] {
				t.Errorf("candidate %q is tried twice", c.Key())
			}
			seen[c.Key()] = true
			copies++
			running = append(running, c)
		}
		if len(running) == 0 {
			return rounds, copies
		}
		s.Record(running[0], works(running[0]))
		running = running[1:]
	}
}

// isRoot, isAll and canWrite are what applications ask.
func isRoot(c narrow.Candidate) bool     { return c[user] == narrow.Leave }
func hasCaps(c narrow.Candidate) bool    { return c[caps] != "" }
func hasAllCaps(c narrow.Candidate) bool { return c[caps] == narrow.Leave }
func canWrite(c narrow.Candidate, path string) bool {
	switch c[root] {
	case narrow.Leave, "writable /run /tmp":
		return true
	case "writable /tmp":
		return path == "/tmp"
	}
	return false
}

var applications = []struct {
	name  string
	works oracle
	want  narrow.Candidate
	most  int // rounds: what finds it sooner may not be lost
}{
	{"writes to /tmp", func(c narrow.Candidate) bool { return canWrite(c, "/tmp") }, narrow.Candidate{root: "writable /tmp"}, 2},
	{"writes to /run", func(c narrow.Candidate) bool { return canWrite(c, "/run") }, narrow.Candidate{root: "writable /run /tmp"}, 2},
	{"writes below /etc", func(c narrow.Candidate) bool { return c[root] == narrow.Leave }, narrow.Candidate{root: narrow.Leave}, 2},
	{"its image's user owns its files", func(c narrow.Candidate) bool { return c[user] == "user 999" || isRoot(c) && hasCaps(c) }, narrow.Candidate{user: "user 999"}, 4},
	{"user and a place to write", func(c narrow.Candidate) bool { return c[user] != "" && canWrite(c, "/run") }, narrow.Candidate{user: "user 999", root: "writable /run /tmp"}, 5},
	{"user and /tmp, and no other two", func(c narrow.Candidate) bool {
		return (isRoot(c) && c[root] == narrow.Leave || c[user] == "user 999" && c[root] == "writable /tmp")
	}, narrow.Candidate{user: "user 999", root: "writable /tmp"}, 4},
	{"a chown entrypoint", func(c narrow.Candidate) bool { return isRoot(c) && hasCaps(c) }, narrow.Candidate{user: narrow.Leave, caps: "keep CHOWN SETGID SETUID"}, 4},
	{"a file capability", func(c narrow.Candidate) bool { return hasAllCaps(c) }, narrow.Candidate{caps: narrow.Leave}, 2},
	{"a setuid helper", func(c narrow.Candidate) bool { return c[ape] != "" && hasCaps(c) }, narrow.Candidate{ape: narrow.Leave, caps: "keep CHOWN SETGID SETUID"}, 6},
	{"its own seccomp use", func(c narrow.Candidate) bool { return c[seccomp] != "" }, narrow.Candidate{seccomp: narrow.Leave}, 1},
	// Its entrypoint changes its user only as root: it then needs capabilities, and a user
	// that it is already does not. It works under all settings but the read-only root, and
	// breaks where the user alone is left.
	{"Redis, which cannot write", func(c narrow.Candidate) bool {
		return canWrite(c, "/run") && (!isRoot(c) || hasCaps(c))
	}, narrow.Candidate{root: "writable /run /tmp"}, 2},
	{"three settings", func(c narrow.Candidate) bool {
		return c[seccomp] != "" && c[ape] != "" && canWrite(c, "/tmp")
	}, narrow.Candidate{seccomp: narrow.Leave, ape: narrow.Leave, root: "writable /tmp"}, 5},
}

func TestSearchFindsTheSmallestException(t *testing.T) {
	t.Parallel()
	for _, app := range applications {
		t.Run(app.name, func(t *testing.T) {
			t.Parallel()
			s := narrow.New(settings(), 8)
			rounds, copies := search(t, s, app.works)
			best, found := s.Best()
			if !found {
				t.Fatalf("nothing found in %d rounds", rounds)
			}
			if diff := cmp.Diff(app.want, best); diff != "" {
				t.Errorf("best (-want +got):\n%s", diff)
			}
			if rounds > app.most {
				t.Errorf("%d rounds and %d copies, want at most %d rounds", rounds, copies, app.most)
			}
		})
	}
}

// Evidence saves copies: with the right suggestion four rounds are enough for each.
func TestSearchWithEvidenceTakesFourRounds(t *testing.T) {
	t.Parallel()
	for _, app := range applications {
		t.Run(app.name, func(t *testing.T) {
			t.Parallel()
			s := narrow.New(settings(), 4)
			s.Suggest(app.want)
			_, copies := search(t, s, app.works)
			if best, _ := s.Best(); best.Key() != app.want.Key() {
				t.Errorf("best = %q, want %q", best.Key(), app.want.Key())
			}
			if copies > 16 {
				t.Errorf("%d copies, want at most 16", copies)
			}
		})
	}
}

// Wrong evidence costs copies, and no truth.
func TestSearchIsNotMisledByWrongEvidence(t *testing.T) {
	t.Parallel()
	for _, app := range applications {
		t.Run(app.name, func(t *testing.T) {
			t.Parallel()
			s := narrow.New(settings(), 8)
			s.Suspect(seccomp, 10)
			s.Suspect(ape, 5)
			s.Suggest(narrow.Candidate{seccomp: narrow.Leave, ape: narrow.Leave})
			search(t, s, app.works)
			if best, found := s.Best(); !found || !app.works(best) {
				t.Errorf("best = %q, works %v", best.Key(), app.works(best))
			}
		})
	}
}

// Whatever an application needs, what is found was tried and worked, no part of it can be
// taken back alone, and the rounds are bounded.
func TestSearchProperties(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		answers := map[string]bool{} // an application that works by chance, but always with everything left
		works := func(c narrow.Candidate) bool {
			if len(c) == len(settings()) && isEverything(c) {
				return true
			}
			if len(c) == 0 {
				return false
			}
			key := c.Key()
			if _, known := answers[key]; !known {
				answers[key] = r.IntN(4) == 0
			}
			return answers[key]
		}
		s := narrow.New(settings(), 50)
		rounds, _ := search(t, s, works)
		if rounds > 50 {
			t.Fatalf("seed %d: %d rounds", seed, rounds)
		}
		best, found := s.Best()
		if !found {
			continue
		}
		if !works(best) {
			t.Fatalf("seed %d: %q is the best, and does not work", seed, best.Key())
		}
		for id := range best {
			less := narrow.Candidate{}
			for other, answer := range best {
				if other != id {
					less[other] = answer
				}
			}
			if works(less) {
				t.Fatalf("seed %d: %q is the best, and works without %s", seed, best.Key(), id)
			}
		}
	}
}

// Many settings of which a pair is needed that no evidence speaks for, and that does not show
// when one setting is the only one: halves and what is left without them find it.
func TestSearchCutsInHalves(t *testing.T) {
	t.Parallel()
	var many []narrow.Setting
	for i := range 12 {
		many = append(many, narrow.Setting{ID: fmt.Sprint("s", i), Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 50}}})
	}
	// Either of two pairs does, so that no setting alone is missed. (Alone: as the only one
	// that is as the profile has it.)
	works := func(c narrow.Candidate) bool {
		return c["s5"] != "" && c["s11"] != "" || c["s4"] != "" && c["s9"] != ""
	}
	s := narrow.New(many, 20)
	_, copies := search(t, s, works)
	best, found := s.Best()
	if !found || len(best) != 2 || !works(best) {
		t.Errorf("best = %q", best.Key())
	}
	if copies > 100 {
		t.Errorf("%d copies, want at most 100", copies)
	}
}

// An application that works as it is, and with one set of settings left out, and with no set
// next to those.
func TestSearchFindsWhatStandsAlone(t *testing.T) {
	t.Parallel()
	var many []narrow.Setting
	for i := range 12 {
		many = append(many, narrow.Setting{ID: fmt.Sprintf("s%02d", i), Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: 50}}})
	}
	without := func(from, to int) narrow.Candidate {
		c := narrow.Candidate{}
		for i, s := range many {
			if i < from || i >= to {
				c[s.ID] = narrow.Leave
			}
		}
		return c
	}
	for name, island := range map[string]narrow.Candidate{"a half": without(6, 12), "all but a quarter": without(3, 6)} {
		s := narrow.New(many, 20)
		search(t, s, func(c narrow.Candidate) bool { return c.Key() == island.Key() })
		if best, found := s.Best(); !found || best.Key() != island.Key() {
			t.Errorf("%s: best = %q, found %v", name, best.Key(), found)
		}
	}
}

func isEverything(c narrow.Candidate) bool {
	for _, answer := range c {
		if answer != narrow.Leave {
			return false
		}
	}
	return true
}

func TestSearchStopsAfterItsRounds(t *testing.T) {
	t.Parallel()
	for rounds := range 5 {
		s := narrow.New(settings(), rounds)
		got, _ := search(t, s, func(c narrow.Candidate) bool { return isEverything(c) && len(c) == 5 })
		if got > rounds {
			t.Errorf("%d rounds, want at most %d", got, rounds)
		}
		if best, found := s.Best(); found {
			t.Errorf("after %d rounds found %q, and nothing works", rounds, best.Key())
		}
	}
}

// A candidate that fails its proof is not offered again.
func TestSearchForgetsWhatFailsItsProof(t *testing.T) {
	t.Parallel()
	s := narrow.New(settings(), 10)
	flaky := narrow.Candidate{root: "writable /tmp"}.Key()
	works := func(c narrow.Candidate) bool { return canWrite(c, "/tmp") }
	search(t, s, works)
	best, _ := s.Best()
	if best.Key() != flaky {
		t.Fatalf("best = %q, want %q", best.Key(), flaky)
	}
	s.Record(best, false)
	search(t, s, func(c narrow.Candidate) bool { return works(c) && c.Key() != flaky })
	if best, found := s.Best(); !found || best.Key() == flaky {
		t.Errorf("best = %q, want another", best.Key())
	}
}

// What worked for too short a time is tried again, and nothing else is.
func TestSearchDoubts(t *testing.T) {
	t.Parallel()
	s := narrow.New(settings(), 8)
	search(t, s, func(c narrow.Candidate) bool { return c[root] != "" })
	before, _ := s.Best()
	s.Record(before, false)
	s.Doubt()
	if best, found := s.Best(); found {
		t.Fatalf("best = %q, want nothing found", best.Key())
	}
	s.Extend(4)
	search(t, s, func(c narrow.Candidate) bool { return c[root] == narrow.Leave })
	if best, _ := s.Best(); best.Key() != (narrow.Candidate{root: narrow.Leave}).Key() {
		t.Errorf("best = %q, want the root left", best.Key())
	}
}

func ExampleCandidate_Key() {
	fmt.Println(narrow.Candidate{"user": "user 999", "readOnlyRootFilesystem": "writable /tmp"}.Key())
	// Output: readOnlyRootFilesystem=writable /tmp user=user 999
}

// An answer that was withdrawn is not tried, whatever else is.
func TestSearchWithdraws(t *testing.T) {
	t.Parallel()
	s := narrow.New(settings(), 8)
	s.Suggest(narrow.Candidate{root: "writable /tmp"})
	s.Withdraw(root, "writable /tmp")
	search(t, s, func(c narrow.Candidate) bool {
		if c[root] == "writable /tmp" {
			t.Errorf("%q is tried", c.Key())
		}
		return canWrite(c, "/tmp")
	})
	if best, _ := s.Best(); best.Key() != (narrow.Candidate{root: "writable /run /tmp"}).Key() {
		t.Errorf("best = %q, want the other answer", best.Key())
	}
}

// Evidence without an end ends, and what runs is not given out twice.
func TestSearchBoundsSuggestions(t *testing.T) {
	t.Parallel()
	s := narrow.New(settings(), 2)
	n := 0
	for {
		s.Answer(root, narrow.Alternative{ID: fmt.Sprint("writable ", n), Cost: 11})
		s.Suggest(narrow.Candidate{root: fmt.Sprint("writable ", n)})
		c, more := s.Next()
		if !more {
			break
		}
		if again, more := s.Next(); more && again.Key() == c.Key() {
			t.Fatalf("%q is given out twice", c.Key())
		} else if more {
			s.Record(again, false)
		}
		if n++; n > 200 {
			t.Fatal("it does not end")
		}
		s.Record(c, false)
	}
}
