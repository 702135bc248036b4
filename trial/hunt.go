// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"time"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

// In the search a copy has to stay ready for a short time: a proof holds in full. A copy that
// is exercised says more than that it is ready.
const (
	searchHold    = 8 * time.Second
	exercisedHold = 5 * time.Second
)

// A hunt is the search for one container's exception.
type hunt struct {
	*detective
	runs map[string]Run // by candidate
	hold time.Duration
}

// concluded is a hunt with what it found.
type concluded struct {
	hunt      *hunt
	candidate narrow.Candidate
}

func (t *Trial) newHunt(container string) *hunt {
	b := t.books[container]
	d := &detective{book: b, search: narrow.New(b.settings(), t.Options.Rounds), user: t.facts.users[container]}
	d.begin()
	return &hunt{detective: d, runs: map[string]Run{}, hold: t.searchHold()}
}

func (t *Trial) searchHold() time.Duration {
	if t.exercises() {
		return min(exercisedHold, t.Options.Hold)
	}
	return min(searchHold, t.Options.Hold)
}

// hunt searches until nothing cheaper is left to try. As soon as a copy ends, what it says
// counts, and the next one is made. Copies that cost more than one that works are given up.
func (t *Trial) hunt(ctx context.Context, h *hunt, settled map[string]evidence.Exception, first Run) (narrow.Candidate, bool) {
	type end struct {
		candidate narrow.Candidate
		run       Run
	}
	type running struct {
		candidate narrow.Candidate
		cancel    context.CancelFunc
	}
	h.runs[narrow.Candidate{}.Key()] = first
	h.consider(narrow.Candidate{}, first.judgement)
	copies := map[string]running{} // by candidate
	ends := make(chan end)
	for {
		for len(copies) < cap(t.slots) && ctx.Err() == nil && t.failure() == nil {
			c, more := h.search.Next()
			if !more {
				break
			}
			ctx, cancel := context.WithCancel(ctx)
			copies[c.Key()] = running{c, cancel}
			o := t.candidateCopy(h, settled, c)
			go func() { ends <- end{c, t.runObserved(ctx, o)} }()
		}
		if len(copies) == 0 {
			return h.search.Best()
		}
		e := <-ends
		copies[e.candidate.Key()].cancel()
		delete(copies, e.candidate.Key())
		h.accept(e.candidate, e.run)
		if best, found := h.search.Best(); found {
			h.refine(best)
			for _, r := range copies {
				if h.search.Cost(r.candidate) > h.search.Cost(best) {
					r.cancel()
				}
			}
		}
	}
}

// accept notes what became of a copy.
func (h *hunt) accept(c narrow.Candidate, run Run) {
	if run.Outcome != watch.Works && run.Outcome != watch.Breaks {
		h.search.GiveUp(c) // it was cancelled, or nothing can be told
		return
	}
	h.search.Record(c, run.works())
	h.runs[c.Key()] = run
	h.consider(c, run.judgement)
	if len(run.observed) > 0 {
		h.sawWrites(run.observed)
	}
}
