// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

type profileOf = defaults.Profile

// searchHold is how long a copy has to stay ready in the search: a proof holds in full.
const searchHold = 8 * time.Second

// controlFacts is what the control shows beside that it works.
type controlFacts struct {
	users  map[string]int64 // as whom each container runs
	groups map[string]int64 // and with which group, where that user started it
	node   Node
}

// learn takes from the control as whom its containers run: the user that the runtime started
// them as, and, if that is root, the user that its processes have become.
func (t *Trial) learn(ctx context.Context) {
	t.facts.users, t.facts.groups = map[string]int64{}, map[string]int64{}
	pod, err := t.Cluster.Pod(ctx, t.controlName)
	if err != nil || pod == nil {
		return
	}
	for _, c := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		if c.User != nil && c.User.Linux != nil {
			t.facts.users[c.Name], t.facts.groups[c.Name] = c.User.Linux.UID, c.User.Linux.GID
		}
		shared := pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace
		if t.facts.users[c.Name] != 0 || shared || c.State.Running == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		code, output, err := t.Cluster.Exec(ctx, t.controlName, c.Name, []string{"sh", "-c", "cat /proc/[0-9]*/status"})
		if err != nil || code != 0 && output == "" {
			code, output, err = t.Cluster.Exec(ctx, t.controlName, c.Name, []string{"cat", "/proc/1/status"})
		}
		cancel()
		if err == nil && (code == 0 || output != "") {
			t.facts.users[c.Name] = userIn(output)
		}
	}
}

// userIn returns the effective user of the most processes that are not root's, from their
// /proc/PID/status; 0 if there is none. A server that is root often gives its work to
// processes of another user.
func userIn(status string) int64 {
	processes := map[int64]int{}
	found := int64(0)
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == "Uid:" {
			if uid, err := strconv.ParseInt(fields[2], 10, 64); err == nil && uid != 0 {
				if processes[uid]++; processes[uid] > processes[found] {
					found = uid
				}
			}
		}
	}
	return found
}

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

func (t *Trial) newHunt(container string) *hunt {
	b := t.books[container]
	d := &detective{book: b, search: narrow.New(b.settings(), t.Options.Rounds), user: t.facts.users[container]}
	d.begin()
	return &hunt{detective: d, runs: map[string]Run{}, hold: min(searchHold, t.Options.Hold)}
}

// hunt searches until nothing cheaper is left to try.
func (t *Trial) hunt(ctx context.Context, h *hunt, settled map[string]evidence.Exception, first Run) (narrow.Candidate, bool) {
	h.runs[narrow.Candidate{}.Key()] = first
	h.consider(narrow.Candidate{}, first.judgement)
	for ctx.Err() == nil && t.failure() == nil {
		if best, found := h.search.Best(); found {
			h.refine(best)
		}
		batch := h.search.Next()
		if len(batch) == 0 {
			break
		}
		t.round(ctx, h, settled, batch)
	}
	return h.search.Best()
}

// round runs the candidates of a round side by side. Those that cost more than one that has
// worked meanwhile are given up.
func (t *Trial) round(ctx context.Context, h *hunt, settled map[string]evidence.Exception, batch []narrow.Candidate) {
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the following
	cancels := map[int]context.CancelFunc{}
	runs := make([]Run, len(batch))
	for i, c := range batch {
		ctx, cancel := context.WithCancel(ctx)
		cancels[i] = cancel
		wg.Go(func() {
			defer cancel()
			run := t.runCandidate(ctx, h, settled, c)
			mu.Lock()
			defer mu.Unlock()
			if runs[i] = run; !run.works() {
				return
			}
			for j, other := range batch {
				if h.search.Cost(other) >= h.search.Cost(c) && j != i {
					cancels[j]()
				}
			}
		})
	}
	wg.Wait()
	for i, c := range batch {
		run := runs[i]
		if run.Outcome != watch.Works && run.Outcome != watch.Breaks {
			continue // given up, or nothing can be told: it may be tried again
		}
		h.search.Record(c, run.works())
		h.runs[c.Key()] = run
		h.consider(c, run.judgement)
		if len(run.observed) > 0 {
			h.sawWrites(run.observed)
		}
	}
}

// runCandidate runs a copy in which one container has a candidate, those before it what was
// found for them, and those after it nothing of the profile.
func (t *Trial) runCandidate(ctx context.Context, h *hunt, settled map[string]evidence.Exception, c narrow.Candidate) Run {
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
	beside := t.observer(h, c)
	run := t.runExceptions(ctx, copyOf{label: "search", what: what, hold: h.hold, observer: beside, watched: h.book.container}, exceptions)
	if beside == nil || run.works() || run.Outcome == watch.Pending {
		return run
	}
	// The observer may be in the way: the processes of the Pod are shared then.
	plain := t.runExceptions(ctx, copyOf{label: "search", what: what, hold: h.hold}, exceptions)
	plain.observed = run.observed
	return plain
}

// runSettled runs a copy under the whole profile with the exceptions that were found.
func (t *Trial) runSettled(ctx context.Context, settled map[string]evidence.Exception) Run {
	return t.runExceptions(ctx, copyOf{label: "search", what: "all settings, with the exceptions so far", hold: min(searchHold, t.Options.Hold)}, settled)
}

// copyOf says how a copy is run beside its exceptions.
type copyOf struct {
	label, what string
	hold        time.Duration
	observer    map[string]any // nil: none
	watched     string         // the container that the observer watches
}

func (t *Trial) runExceptions(ctx context.Context, o copyOf, exceptions map[string]evidence.Exception) Run {
	const name = "trial-copy"
	var list []Exception
	for _, container := range t.containers() {
		if e, found := exceptions[container]; found {
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
