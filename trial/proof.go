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

// prove runs the profile that was found as a whole: once for the full time, and once with its
// containers killed in between, beside a control that is killed as well. A first start
// proves little: what a program left behind may keep it from starting again.
func (t *Trial) prove(ctx context.Context, r *Report, all Run, found []Exception) {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		p := t.plan.Profile
		if len(found) > 0 {
			doc, err := t.write(found)
			if err == nil {
				p, err = parse(t.Options.Name, doc, t.Options.Profiles)
			}
			if err != nil {
				r.conclude(CannotTell, err.Error())
				return
			}
		}
		failed, proven := t.runProof(ctx, r, p, all, len(found) == 0)
		switch {
		case proven && len(found) == 0:
			r.conclude(AllWork, "The workload works under all settings of the profile.")
			return
		case proven:
			r.conclude(ExceptionsFound, "The workload works under the profile with the exceptions below, and not without them.")
			r.Exceptions = found
			return
		case failed.Outcome != watch.Breaks:
			if failed.Outcome == watch.CannotTell {
				r.conclude(CannotTell, sentence("The proof", failed))
			}
			return
		case attempt == maxProofs:
			r.conclude(CannotTell, sentence("What worked once did not work again. The proof", failed))
			return
		}
		var reason string
		if found, reason = t.again(ctx, failed, found == nil); found == nil {
			if ctx.Err() == nil {
				r.conclude(CannotTell, reason)
			}
			return
		}
	}
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

// runProof runs the copies of a proof side by side, and returns the one that failed. What the
// copy with all settings has proven already is not run again.
func (t *Trial) runProof(ctx context.Context, r *Report, p *defaults.Profile, all Run, heldAlready bool) (failed Run, proven bool) {
	type named struct {
		what  string
		p     *defaults.Profile
		rules watch.Rules
	}
	var wanted []named
	if !heldAlready {
		wanted = append(wanted, named{"proof", p, t.rules(t.Options.Hold)})
	}
	second := named{"proof, a second time", p, t.rules(t.Options.Hold)}
	if t.plan.CanRestart() {
		hold := min(t.Options.Hold, 15*time.Second)
		killed := t.rules(hold)
		killed.KillAfter = (2*killed.Baseline.ReadyAfter + hold + 10*time.Second).Round(time.Second)
		second = named{"proof, killed once", p, killed}
		controlRules := killed
		controlRules.Baseline = nil
		wanted = append(wanted, named{"as it is, killed once", nil, controlRules})
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
		return Run{Outcome: watch.Pending}, false
	}
	control, compared := runs["as it is, killed once"]
	for _, w := range wanted {
		run := runs[w.what]
		switch {
		case run.works(), w.p == nil:
		case w.what == second.what && compared && !control.works():
			r.Notes = append(r.Notes, fmt.Sprintf("That the container was killed proves nothing: the workload as it is does not survive it either (%s).", control.Why))
		default:
			return run, false
		}
	}
	r.Proof = nil
	if heldAlready {
		r.Proof = append(r.Proof, all)
	}
	for _, w := range wanted {
		if run := runs[w.what]; w.p != nil && run.works() {
			r.Proof = append(r.Proof, run)
		}
	}
	return Run{}, true
}
