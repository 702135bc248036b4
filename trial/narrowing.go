// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

type profileOf = defaults.Profile

// narrow finds the smallest exceptions, container after container. If it finds none, it
// returns nil and the reason.
func (t *Trial) narrow(ctx context.Context, all Run) (found []Exception, reason string) {
	settled := map[string]evidence.Exception{}
	for broken := all; ; {
		name := broken.Container
		if name == "" || t.books[name] == nil {
			name = t.firstUnsettled(settled)
		}
		if _, again := settled[name]; again || name == "" {
			return nil, sentence("No exception was found under which all containers work together. The last copy", broken)
		}
		h := t.newHunt(name)
		candidate, ok := t.hunt(ctx, h, settled, broken)
		if err := t.failure(); err != nil {
			return nil, err.Error()
		}
		if !ok {
			return nil, fmt.Sprintf("Container %s works as it is, and breaks under all settings. No exception was found in %d rounds: try --rounds %d.", name, t.Options.Rounds, 2*t.Options.Rounds)
		}
		settled[name] = h.book.exception(candidate)
		t.mu.Lock()
		t.hunts = append(t.hunts, concluded{h, candidate})
		t.mu.Unlock()
		if len(t.books) == 1 {
			break
		}
		broken = t.runSettled(ctx, settled)
		if broken.Outcome != watch.Breaks {
			if !broken.works() {
				return nil, sentence("The copy with all exceptions", broken)
			}
			break
		}
	}
	return t.exceptions(), ""
}

func (t *Trial) firstUnsettled(settled map[string]evidence.Exception) string {
	for _, s := range t.settings {
		if _, done := settled[s.Container]; !done && s.Container != "" {
			return s.Container
		}
	}
	return ""
}

// candidateCopy returns the copy in which one container has a candidate, those before it what
// was found for them, and those after it nothing of the profile.
func (t *Trial) candidateCopy(h *hunt, settled map[string]evidence.Exception, c narrow.Candidate) copyOf {
	exceptions := map[string]evidence.Exception{}
	for name, b := range t.books {
		exceptions[name] = evidence.Exception{Leave: b.own}
	}
	for name, e := range settled {
		exceptions[name] = e
	}
	exceptions[h.book.container] = h.book.exception(c)
	what := h.book.words(c)
	if len(t.books) > 1 {
		what = "container " + h.book.container + " " + what
	}
	return copyOf{label: "search", what: what, hold: h.hold, exceptions: exceptions, observer: t.observer(h.book, c), watched: h.book.container}
}

// runObserved runs a copy, and if it breaks, once more without the observer, which may be in
// the way: it has the processes of the Pod shared.
func (t *Trial) runObserved(ctx context.Context, o copyOf) Run {
	run := t.runExceptions(ctx, o)
	if o.observer == nil || run.works() || run.Outcome == watch.Pending {
		return run
	}
	o.observer = nil
	plain := t.runExceptions(ctx, o)
	plain.observed = run.observed
	return plain
}

// runSettled runs a copy under the whole profile with the exceptions that were found.
func (t *Trial) runSettled(ctx context.Context, settled map[string]evidence.Exception) Run {
	return t.runExceptions(ctx, copyOf{label: "search", what: "all settings, with the exceptions so far", hold: t.searchHold(), exceptions: settled})
}

// copyOf says how a copy is run.
type copyOf struct {
	label, what string
	hold        time.Duration
	exceptions  map[string]evidence.Exception // by container
	observer    map[string]any                // nil: none
	watched     string                        // the container that the observer watches
}

func (t *Trial) runExceptions(ctx context.Context, o copyOf) Run {
	const name = "trial-copy"
	var list []Exception
	for _, container := range t.containers() {
		if e, found := o.exceptions[container]; found {
			list = append(list, Exception{Container: container, Differs: e, Reason: "trial"})
		}
	}
	doc, err := document(name, t.plan.Profile.Name, list, true)
	if err == nil {
		var p *defaults.Profile
		if p, err = parse(name, doc, t.Options.Profiles); err == nil {
			<-t.control.known
			r := t.request(o.label, o.what, p, t.control, t.rules(o.hold))
			r.copy.Observer, r.watched = o.observer, o.watched
			return t.inSlot(ctx, r)
		}
	}
	t.fail(err)
	return Run{What: o.what, Outcome: watch.CannotTell, Why: "the copy cannot be made", Line: err.Error()}
}

// rules are those of a copy beside a control that is known.
func (t *Trial) rules(hold time.Duration) watch.Rules {
	b, _ := t.control.get()
	within := t.Options.Timeout
	if b.ReadyAfter > 0 {
		within = min(within, 3*b.ReadyAfter+15*time.Second)
	}
	return watch.Rules{Hold: hold, Within: within, Baseline: b}
}

// containers returns those for which the profile has something, in the order of the pod.
func (t *Trial) containers() []string {
	var names []string
	for _, s := range t.settings {
		if s.Container != "" && !slices.Contains(names, s.Container) {
			names = append(names, s.Container)
		}
	}
	return names
}

// settledBut returns what was found for all containers but one.
func (t *Trial) settledBut(container string) map[string]evidence.Exception {
	settled := map[string]evidence.Exception{}
	for _, c := range t.hunts {
		if name := c.hunt.book.container; name != container {
			settled[name] = c.hunt.book.exception(c.candidate)
		}
	}
	return settled
}
