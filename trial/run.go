// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/watch"
)

// pollInterval is how often a copy is looked at.
const pollInterval = time.Second

// A Run is the life of one copy.
type Run struct {
	Copy      string        `json:"copy"` // name of the pod
	What      string        `json:"what"` // how it differs from the workload
	Outcome   watch.Outcome `json:"outcome"`
	Container string        `json:"container,omitempty"`
	Why       string        `json:"why"`
	Line      string        `json:"line,omitempty"`
	Seconds   int           `json:"seconds"` // from its creation to the outcome

	observed  []string // directories in which the watched container wrote
	judgement watch.Judgement
	baseline  *watch.Baseline
	pod       *corev1.Pod
}

func (r *Run) works() bool { return r.Outcome == watch.Works }

// A request asks for one copy.
type request struct {
	copy  plan.Copy
	what  string
	rules watch.Rules

	// control runs beside the copy: nothing is held against the copy before the control is
	// ready, since it is the measure. Nil for the control itself.
	control *control

	watched string // the container that the copy's observer watches
}

// control is what is known of the control while it runs.
type control struct {
	known chan struct{} // closed when it is ready, or has ended

	mu       sync.Mutex // guards the following
	baseline *watch.Baseline
}

// is says what the control does, for the first time when it is ready, and again at its end.
func (c *control) is(b *watch.Baseline) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.baseline == nil {
		defer close(c.known)
	}
	if b == nil {
		b = &watch.Baseline{}
	}
	c.baseline = b
}

// get returns what the control did so far; false before it is ready.
func (c *control) get() (*watch.Baseline, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.baseline == nil {
		return &watch.Baseline{}, false
	}
	return c.baseline, true
}

// run creates a copy, watches it until its outcome is known, and deletes it. If the context
// ends first, the outcome is pending.
func (t *Trial) run(ctx context.Context, r request) Run {
	result := Run{Copy: r.copy.Name, What: r.what, Outcome: watch.Pending}
	begun := time.Now()
	t.report(result)
	finish := func(j watch.Judgement) Run {
		result.judgement = j
		result.Outcome, result.Container, result.Why, result.Line = j.Outcome, j.Container, j.Why, j.Line
		result.Seconds = int(time.Since(begun).Seconds())
		t.report(result)
		return result
	}
	pod, err := t.plan.Make(r.copy)
	if err != nil {
		return finish(watch.Judgement{Outcome: watch.CannotTell, Why: "the copy cannot be made", Line: err.Error()})
	}
	created, err := t.create(ctx, pod)
	if err != nil {
		if ctx.Err() != nil {
			return finish(watch.Judgement{Outcome: watch.Pending, Why: "was interrupted"})
		}
		return finish(refusedCopy(err))
	}
	defer t.remove(ctx, r.copy.Name)
	if j, changed := t.changedByOthers(pod, created); changed {
		return finish(j)
	}
	begun = time.Now()
	j := t.follow(ctx, r, &result, begun)
	if r.copy.Observer != nil && j.Outcome != watch.Pending {
		result.observed = t.observed(ctx, result, r.watched)
	}
	return finish(j)
}

// follow watches a copy until its outcome is known.
func (t *Trial) follow(ctx context.Context, r request, result *Run, begun time.Time) watch.Judgement {
	seen := watch.Seen{Since: begun, Logs: map[string]string{}}
	interrupted := watch.Judgement{Outcome: watch.Pending, Why: "was interrupted"}
	for {
		pod, err := t.Cluster.Pod(ctx, r.copy.Name)
		switch {
		case ctx.Err() != nil:
			return interrupted
		case err != nil && !isTransient(err):
			return watch.Judgement{Outcome: watch.CannotTell, Why: "the copy cannot be watched", Line: err.Error()}
		case err == nil:
			t.look(&seen, pod)
			result.pod = seen.Pod
			rules := r.rules
			final := true
			if r.control != nil {
				rules.Baseline, final = r.control.get()
			}
			if j := t.judge(ctx, &seen, rules, r.copy.Name); j.Outcome != watch.Pending && final {
				result.baseline = watch.BaselineOf(seen)
				return j
			}
			if r.rules.Baseline == nil && r.control == nil {
				t.measure(ctx, &seen, r)
			}
		}
		select {
		case <-ctx.Done():
			return interrupted
		case <-time.After(pollInterval):
		}
	}
}

// look takes over what is seen of a pod.
func (t *Trial) look(seen *watch.Seen, pod *corev1.Pod) {
	seen.Now = time.Now()
	ready := pod != nil && watch.ContainersReady(pod)
	flapped := ready && seen.Pod != nil && (readySince(pod) != readySince(seen.Pod) || restarts(pod) != restarts(seen.Pod))
	switch {
	case !ready:
		seen.Ready = time.Time{}
	case seen.Ready.IsZero() || flapped:
		seen.Ready = seen.Now
	}
	seen.Pod = pod
}

// restarts returns how often containers of a pod were started again. One that has no
// readiness probe may be so without ever having been reported as not ready.
func restarts(pod *corev1.Pod) (n int32) {
	for _, c := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		n += c.RestartCount
	}
	return n
}

func readySince(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.ContainersReady {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// judge judges a copy. Logs and events are only fetched when they may decide.
func (t *Trial) judge(ctx context.Context, seen *watch.Seen, rules watch.Rules, name string) watch.Judgement {
	j := watch.Judge(*seen, rules)
	if j.Exercise {
		if seen.Exercise = t.exercise(ctx, name); seen.Exercise.Passed && seen.Served == 0 {
			seen.Served = seen.Now.Sub(seen.Since)
		}
		if j = watch.Judge(*seen, rules); j.Exercise {
			return j // it may serve later
		}
	}
	if j.Outcome == watch.Pending && seen.Now.Sub(seen.Since) < rules.Patience {
		return j
	}
	if j.Outcome == watch.Pending {
		seen.Events, _ = t.Cluster.Events(ctx, name) // without them it is as if nothing had happened
		return watch.Judge(*seen, rules)
	}
	t.fetch(ctx, seen, name)
	return watch.Judge(*seen, rules)
}

// fetch gets the logs and the events of a copy.
func (t *Trial) fetch(ctx context.Context, seen *watch.Seen, name string) {
	seen.Events, _ = t.Cluster.Events(ctx, name)
	if seen.Pod == nil {
		return
	}
	for _, list := range [][]corev1.ContainerStatus{seen.Pod.Status.InitContainerStatuses, seen.Pod.Status.ContainerStatuses} {
		for _, c := range list {
			log := ""
			if c.RestartCount > 0 {
				log = t.log(ctx, name, c.Name, true)
			}
			if log += t.log(ctx, name, c.Name, false); log != "" {
				seen.Logs[c.Name] = log
			}
		}
	}
}

// log returns the log of a container, with a line break at its end; "" if there is none. The
// kubelet says in place of a log that it has removed the container.
func (t *Trial) log(ctx context.Context, name, container string, previous bool) string {
	log, err := t.Cluster.Log(ctx, name, container, previous)
	if err != nil || log == "" || strings.HasPrefix(log, "unable to retrieve container logs for ") {
		return ""
	}
	return strings.TrimSuffix(log, "\n") + "\n"
}
