// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// finished judges a pod whose containers run to their end.
func finished(s Seen, r Rules, age time.Duration) Judgement {
	switch {
	case s.Pod.Status.Phase == corev1.PodSucceeded && r.Exercised && s.Exercise == nil:
		return complains(s, r, Judgement{Outcome: Works, Why: "ran to its end; what ended cannot be exercised"})
	case s.Pod.Status.Phase == corev1.PodSucceeded:
		return complains(s, r, Judgement{Outcome: Works, Why: "ran to its end"})
	case age > r.Within:
		return Judgement{Outcome: Breaks, Why: fmt.Sprintf("did not come to its end within %s", r.Within)}
	}
	return Judgement{Outcome: Pending}
}

// ready judges a pod whose containers run.
func ready(s Seen, r Rules, age time.Duration) Judgement {
	is := ContainersReady(s.Pod)
	if is && r.KillAfter > 0 && !killedOnce(s.Pod) {
		is = false
		age = 0 // the kill comes when the kubelet does it
		if s.Now.Sub(s.Since) > r.Within+r.KillAfter {
			return Judgement{Outcome: CannotTell, Why: "the kubelet did not kill the container"}
		}
	}
	if !is {
		if age <= r.Within+2*r.KillAfter {
			return Judgement{Outcome: Pending}
		}
		name, line := unready(s)
		return Judgement{Outcome: Breaks, Container: name, Why: fmt.Sprintf("is not ready after %s", r.Within), Line: line}
	}
	held := s.Now.Sub(s.Ready)
	switch {
	case held < r.Hold:
		return Judgement{Outcome: Pending, Held: held}
	case r.Exercised && (s.Exercise == nil || !s.Exercise.Passed && s.Now.Sub(s.Since) <= mayServeWithin(r)):
		return Judgement{Outcome: Pending, Held: held, Exercise: true}
	case r.Exercised && !s.Exercise.Passed:
		name := ""
		if len(s.Pod.Spec.Containers) > 0 {
			name = s.Pod.Spec.Containers[0].Name
		}
		return Judgement{Outcome: Breaks, Container: name, Why: "is ready, and does not work", Line: s.Exercise.What, Held: held}
	}
	return complains(s, r, Judgement{Outcome: Works, Why: "is ready and stays so", Held: held})
}

// mayServeWithin returns how long a copy may take until it passes the exercise: without a
// readiness probe a container is ready before it serves. The control has all the time, and
// the others as long as it is not known how long the control takes.
func mayServeWithin(r Rules) time.Duration {
	if r.Baseline == nil || r.Baseline.Served == 0 {
		return r.Within + r.Hold
	}
	const spare = 5 * time.Second
	return max(r.Hold, 2*r.Baseline.Served) + r.KillAfter + spare
}

// complains turns a copy that seems to work into one that breaks if its logs tell of a
// refusal that the control's do not: ready is not the same as working. A copy that was
// exercised, and served, works whatever it says.
func complains(s Seen, r Rules, j Judgement) Judgement {
	if r.Baseline == nil || r.Exercised && s.Exercise != nil && s.Exercise.Passed {
		return j
	}
	for _, c := range cluesOf(s, r) {
		return Judgement{Outcome: Breaks, Container: c.Container, Why: "runs, and says what the control does not", Line: c.Line, Held: j.Held}
	}
	return j
}

// killedOnce reports whether every regular container was started again.
func killedOnce(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.RestartCount == 0 })
}

// ContainersReady reports whether all containers of a pod are ready, whatever its readiness
// gates say.
func ContainersReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue
	})
}

// unready returns the container that is not ready, with what it or its probe says.
func unready(s Seen) (name, line string) {
	for _, c := range s.Pod.Status.ContainerStatuses {
		if c.Ready {
			continue
		}
		line = decidingLine(c.Name, s.Logs[c.Name], "")
		if clues := Clues(c.Name, s.Logs[c.Name]); len(clues) == 0 {
			for _, e := range slices.Backward(s.Events) {
				if e.Reason == "Unhealthy" {
					return c.Name, e.Message
				}
			}
		}
		return c.Name, line
	}
	return "", ""
}
