// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Judge says what became of a copy. The first case that holds decides.
//
//	when                                               outcome
//	the pod is gone, evicted, preempted, out of time   cannot tell
//	it cannot be scheduled, its sandbox or volumes     cannot tell
//	  cannot be made, for longer than patience allows
//	an image cannot be pulled, a Secret is missing     cannot tell
//	the kubelet or the runtime refuses a container     breaks
//	a container ended that should run, or failed       breaks
//	all containers are done that should be             works
//	it is ready, and stayed so, and serves             works, or breaks by what it says
//	it is not ready in time                            breaks (the control: cannot tell)
//	otherwise                                          pending
func Judge(s Seen, r Rules) Judgement {
	j := judge(s, r)
	if r.Baseline == nil && j.Outcome == Breaks {
		j.Outcome = CannotTell
	}
	if j.Outcome != Pending {
		j.Clues = cluesOf(s, r)
	}
	return j
}

func judge(s Seen, r Rules) Judgement {
	age := s.Now.Sub(s.Since)
	switch {
	case s.Pod == nil:
		return Judgement{Outcome: CannotTell, Why: "the copy was deleted while it ran"}
	case slices.Contains([]string{"Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost", "OutOfcpu", "OutOfmemory", "OutOfpods"}, s.Pod.Status.Reason):
		return Judgement{Outcome: CannotTell, Why: "the copy was taken off its node: " + s.Pod.Status.Reason, Line: s.Pod.Status.Message}
	case s.Pod.Status.Reason == "DeadlineExceeded":
		return Judgement{Outcome: CannotTell, Why: "the copy ran out of time"}
	case s.Pod.DeletionTimestamp != nil:
		return Judgement{Outcome: CannotTell, Why: "the copy was deleted while it ran"}
	}
	if j := stuck(s, r, age); j.Outcome != Pending {
		return j
	}
	if j := containers(s, r); j.Outcome != Pending {
		return j
	}
	if r.Finishes {
		return finished(s, r, age)
	}
	return ready(s, r, age)
}

// stuck judges a pod whose containers cannot be started for reasons of the cluster.
func stuck(s Seen, r Rules, age time.Duration) Judgement {
	for _, c := range s.Pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && age > r.Patience {
			return Judgement{Outcome: CannotTell, Why: "the copy cannot be scheduled", Line: c.Message}
		}
	}
	if started(s.Pod) || age <= r.Patience {
		return Judgement{Outcome: Pending}
	}
	for _, e := range slices.Backward(s.Events) {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume":
			return Judgement{Outcome: CannotTell, Why: "a volume of the copy cannot be mounted", Line: e.Message}
		case "FailedCreatePodSandBox", "NetworkNotReady":
			return Judgement{Outcome: CannotTell, Why: "the node cannot give the copy a sandbox", Line: e.Message}
		}
	}
	return Judgement{Outcome: Pending}
}

// started reports whether any container of a pod has a state of its own.
func started(pod *corev1.Pod) bool {
	return slices.ContainsFunc(statuses(pod), func(c corev1.ContainerStatus) bool {
		return c.State.Running != nil || c.State.Terminated != nil || c.RestartCount > 0
	})
}

func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...)
}
