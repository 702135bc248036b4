// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/watch"
)

// Options say how a trial is run.
type Options struct {
	MaxPods int           // copies at the same time
	Hold    time.Duration // how long a copy has to stay ready before it counts as working
	Timeout time.Duration // how long the control may take to become ready, or to finish
	Rounds  int           // of the search, after the first two copies

	Exec []string // a command that exercises each copy, in its first container
	HTTP string   // a path that exercises each copy
	Port int      // for HTTP; 0: the first that a container names

	ObserverImage string // of this program, for a container that sees where others write; empty: none

	Name     string         // of the profile that is written
	Profiles []profile.File // of the user, which the base may be one of
}

// A Trial tries one workload.
type Trial struct {
	Cluster  Cluster
	Options  Options
	Progress func(Run) // is told when a copy is made, and what became of it; may be nil

	plan     *plan.Plan
	settings []plan.Setting
	books    map[string]*book

	slots       chan struct{} // one for each copy that may run
	alive       atomic.Int32  // copies that exist
	removed     atomic.Int64  // when the last one was deleted, in seconds since 1970
	copies      atomic.Int32  // that were asked for
	control     *control
	controlName string
	facts       controlFacts

	mu       sync.Mutex // guards the following
	runs     []Run      // that have an outcome, in the order of that
	hunts    []concluded
	failed   error      // why copies could not be made, which is a fault of ours
	progress sync.Mutex // one report at a time
}

// New returns a trial of the workload of a plan.
func New(p *plan.Plan, c Cluster, o Options) (*Trial, error) {
	settings, err := p.Settings()
	if err != nil {
		return nil, err
	}
	t := &Trial{Cluster: c, Options: o, plan: p, settings: settings, books: map[string]*book{}, slots: make(chan struct{}, max(o.MaxPods, 2))}
	for _, s := range settings {
		if s.Container != "" && t.books[s.Container] == nil {
			t.books[s.Container] = newBook(s.Container, p.Image(s.Container), settings)
		}
	}
	return t, nil
}

// Run runs the trial, and returns what it found, also if the context ends before all is
// known. When it returns, no copy is left, or the report says so.
func (t *Trial) Run(ctx context.Context) *Report {
	r := t.newReport()
	if len(t.settings) == 0 {
		r.conclude(AllWork, "The profile would fill in nothing: the workload sets everything itself.")
		return r
	}
	t.investigate(ctx, r)
	if ctx.Err() != nil {
		r.conclude(Interrupted, "The trial was interrupted. What is known by then is below.")
	}
	t.cleanUp(ctx, r)
	t.complete(r)
	return r
}

// investigate runs the control and the copy with all settings side by side, then whatever
// that calls for.
func (t *Trial) investigate(whole context.Context, r *Report) {
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	t.control = &control{known: make(chan struct{})}
	controlRequest := t.request("control", "as it is", nil, nil, watch.Rules{Within: t.Options.Timeout, Hold: t.Options.Hold})
	t.controlName = controlRequest.copy.Name
	controlEnded := make(chan Run, 1)
	go func() {
		run := t.inSlot(ctx, controlRequest)
		if _, known := t.control.get(); !known || run.works() {
			t.control.is(run.baseline)
		}
		if !run.works() {
			cancel() // nothing else can be told then
		}
		controlEnded <- run
	}()
	all := t.inSlot(ctx, t.request("all", "all settings", t.plan.Profile, t.control, watch.Rules{Within: t.Options.Timeout, Hold: t.Options.Hold}))
	found, reason := t.exceptionsFor(ctx, all)
	var proven proof
	if all.works() || found != nil {
		proven = t.prove(ctx, all, found) // the control may hold meanwhile
	}
	controlRun := <-controlEnded
	r.Control = controlRun
	if controlRun.pod != nil && controlRun.pod.Spec.NodeName != "" {
		t.facts.node = t.Cluster.Node(whole, controlRun.pod.Spec.NodeName)
	}
	switch {
	case controlRun.Outcome == watch.Pending:
		return // interrupted
	case !controlRun.works():
		r.conclude(CannotTell, controlSentence(controlRun))
	case all.Outcome == watch.CannotTell:
		r.conclude(CannotTell, sentence("The copy with all settings", all))
	case all.Outcome == watch.Breaks && found == nil:
		r.conclude(CannotTell, reason)
	case proven.conclusion != "":
		r.conclude(proven.conclusion, proven.sentence)
		r.Exceptions = append(r.Exceptions, proven.exceptions...)
		r.Proof = append(r.Proof, proven.runs...)
		r.Notes = append(r.Notes, proven.notes...)
	}
}

// exceptionsFor returns the exceptions under which the workload works, if the copy with all
// settings breaks: nil and the reason if there are none.
func (t *Trial) exceptionsFor(ctx context.Context, all Run) (found []Exception, reason string) {
	if all.Outcome != watch.Breaks {
		return nil, ""
	}
	t.learn(ctx)
	return t.narrow(ctx, all)
}

// request puts a copy together.
func (t *Trial) request(label, what string, p *profileOf, c *control, rules watch.Rules) request {
	n := t.copies.Add(1)
	rules.Finishes = t.plan.Workload.Finishes
	rules.Patience = patience
	rules.Exercised = t.exercises()
	return request{
		copy:    plan.Copy{Name: fmt.Sprintf("caseharden-trial-%s-%d", t.plan.Trial, n), Label: label, Profile: p, KillAfter: rules.KillAfter},
		what:    what,
		rules:   rules,
		control: c,
	}
}

// exercises reports whether copies are exercised.
func (t *Trial) exercises() bool { return len(t.Options.Exec) > 0 || t.Options.HTTP != "" }

// patience is how long scheduling and mounting may take.
const patience = 20 * time.Second

// inSlot runs a copy as soon as there is room for one.
func (t *Trial) inSlot(ctx context.Context, r request) Run {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return Run{Copy: r.copy.Name, What: r.what, Outcome: watch.Pending, Why: "was interrupted"}
	}
	defer func() { <-t.slots }()
	run := t.run(ctx, r)
	if run.Outcome != watch.Pending {
		t.mu.Lock()
		t.runs = append(t.runs, run)
		t.mu.Unlock()
	}
	return run
}

func (t *Trial) report(r Run) {
	if t.Progress == nil {
		return
	}
	t.progress.Lock()
	defer t.progress.Unlock()
	t.Progress(r)
}

// port returns the port for requests.
func (t *Trial) port() int {
	if t.Options.Port != 0 {
		return t.Options.Port
	}
	return t.plan.Port()
}

// cleanUp deletes what is left, also after an interruption.
func (t *Trial) cleanUp(ctx context.Context, r *Report) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := t.Cluster.DeleteAll(ctx, plan.TrialLabel+"="+t.plan.Trial); err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("Copies may be left: %s. They end by themselves; caseharden trial --clean -n %s deletes them.", err, t.plan.Workload.Namespace))
	}
}

// fail notes a fault of our own: nothing that follows can be trusted.
func (t *Trial) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
}

func (t *Trial) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}
