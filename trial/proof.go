// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

// maxProofs bounds how often a profile is proven: each one that fails leads back to the
// search.
const maxProofs = 3

// roundsAfterProof is how many more rounds a search gets after a proof that failed.
const roundsAfterProof = 2

// A proof is what the runs of the profile as a whole came to.
type proof struct {
	conclusion Conclusion // empty: interrupted
	sentence   string
	exceptions []Exception
	runs       []Run
	notes      []string
}

// prove runs the profile that was found as a whole: once for the full time, and once with its
// containers killed in between, beside a control that is killed as well. A first start
// proves little: what a program left behind may keep it from starting again.
func (t *Trial) prove(ctx context.Context, all Run, found []Exception) proof {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		p, err := t.profileWith(found)
		if err != nil {
			return proof{conclusion: CannotTell, sentence: err.Error()}
		}
		proven, failed := t.runProof(ctx, p, all, len(found) == 0)
		switch {
		case failed == nil && len(found) == 0:
			proven.conclusion, proven.sentence = AllWork, "The workload works under all settings of the profile."
			return proven
		case failed == nil:
			proven.conclusion, proven.sentence = ExceptionsFound, t.sentenceOfExceptions()
			proven.exceptions = found
			return proven
		case failed.Outcome == watch.Pending:
			return proof{}
		case failed.Outcome == watch.CannotTell:
			return proof{conclusion: CannotTell, sentence: sentence("The proof", *failed)}
		case attempt == maxProofs:
			return proof{conclusion: CannotTell, sentence: sentence("What worked once did not work again. The proof", *failed)}
		}
		var reason string
		if found, reason = t.again(ctx, *failed, found == nil); found == nil && ctx.Err() == nil {
			return proof{conclusion: CannotTell, sentence: reason}
		}
	}
	return proof{}
}

// sentenceOfExceptions is what is concluded: the exceptions that were found may not be the
// smallest.
func (t *Trial) sentenceOfExceptions() string {
	const works = "The workload works under the profile with the exceptions below"
	for _, c := range t.hunts {
		if len(c.candidate) > 0 && !c.hunt.search.Smallest() {
			return fmt.Sprintf("%s. Smaller ones may do: the search ended after %d rounds, so try --rounds %d.", works, t.Options.Rounds, 2*t.Options.Rounds)
		}
	}
	return works + ", and not without them."
}

// profileWith returns the profile with exceptions, as it is written.
func (t *Trial) profileWith(found []Exception) (*defaults.Profile, error) {
	if len(found) == 0 {
		return t.plan.Profile, nil
	}
	doc, err := t.write(found)
	if err != nil {
		return nil, err
	}
	return parse(t.Options.Name, doc, t.Options.Profiles)
}

// again searches on after a proof that failed: the candidate that was proven breaks, and
// every copy has to stay ready for the full time from now on.
func (t *Trial) again(ctx context.Context, failed Run, fromScratch bool) ([]Exception, string) {
	if fromScratch {
		t.learn(ctx)
		return t.narrow(ctx, failed)
	}
	for i := range t.hunts {
		c := &t.hunts[i]
		if name := c.hunt.book.container; failed.Container != "" && failed.Container != name {
			continue
		}
		c.hunt.search.Record(c.candidate, false)
		if c.hunt.hold < t.Options.Hold {
			c.hunt.search.Doubt() // copies may have been given up before they broke
		}
		c.hunt.hold = t.Options.Hold
		c.hunt.search.Extend(roundsAfterProof)
		c.hunt.runs[c.candidate.Key()] = failed
		c.hunt.consider(c.candidate, failed.judgement)
		settled := t.settledBut(c.hunt.book.container)
		next, ok := t.hunt(ctx, c.hunt, settled, c.hunt.runs[narrow.Candidate{}.Key()])
		if !ok {
			break
		}
		c.candidate = next
		return t.exceptions(), ""
	}
	return nil, sentence("What worked once did not work again. The proof", failed)
}

// After a container was killed, it has to stay ready for a shorter time than before: the
// probe that kills it kills it again, and until then it has to start and to hold.
const (
	holdAfterKill = 10 * time.Second
	spareLife     = 5 * time.Second
)

// runProof runs the copies of a proof side by side, and returns what they prove, or the one
// that failed. What the copy with all settings has proven already is not run again.
func (t *Trial) runProof(ctx context.Context, p *defaults.Profile, all Run, heldAlready bool) (proven proof, failed *Run) {
	type named struct {
		what  string
		p     *defaults.Profile
		rules watch.Rules
	}
	var wanted []named
	if heldAlready {
		proven.runs = append(proven.runs, all)
	} else {
		wanted = append(wanted, named{"proof", p, t.rules(t.Options.Hold)})
	}
	second := named{"proof, a second time", p, t.rules(t.Options.Hold)}
	if t.plan.CanRestart() {
		killed := t.rules(min(t.Options.Hold, holdAfterKill))
		killed.KillAfter = (2*max(killed.Baseline.ReadyAfter, killed.Baseline.Served) + killed.Hold + spareLife).Round(time.Second)
		second = named{"proof, killed once", p, killed}
		killed.Baseline = nil
		wanted = append(wanted, named{"as it is, killed once", nil, killed})
	}
	wanted = append(wanted, second)
	results := make(chan Run, len(wanted))
	for _, w := range wanted {
		c := t.control
		if w.p == nil {
			c = nil // it is a control itself
		}
		go func() { results <- t.inSlot(ctx, t.request("proof", w.what, w.p, c, w.rules)) }()
	}
	runs := map[string]Run{}
	for range wanted {
		run := <-results
		runs[run.What] = run
	}
	if ctx.Err() != nil {
		return proof{}, &Run{Outcome: watch.Pending}
	}
	control, compared := runs["as it is, killed once"]
	for _, w := range wanted {
		run := runs[w.what]
		switch {
		case w.p == nil:
		case run.works():
			proven.runs = append(proven.runs, run)
		case w.what == second.what && compared && !control.works():
			proven.notes = append(proven.notes, fmt.Sprintf("That the container was killed proves nothing: the workload as it is does not survive it either (%s).", control.Why))
		default:
			return proof{}, &run
		}
	}
	return proven, nil
}
