// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// containers judges each container by its state.
func containers(s Seen, r Rules) Judgement {
	for _, c := range s.Pod.Status.InitContainerStatuses {
		if j := container(s, r, c, !isSidecar(s.Pod, c.Name)); j.Outcome != Pending {
			return j
		}
	}
	for _, c := range s.Pod.Status.ContainerStatuses {
		if j := container(s, r, c, r.Finishes); j.Outcome != Pending {
			return j
		}
	}
	return Judgement{Outcome: Pending}
}

func isSidecar(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// container judges one container, of which it reports whether it should come to its end.
func container(s Seen, r Rules, c corev1.ContainerStatus, ends bool) Judgement {
	breaks := func(why, line string) Judgement {
		return Judgement{Outcome: Breaks, Container: c.Name, Why: why, Line: line}
	}
	if w := c.State.Waiting; w != nil {
		switch w.Reason {
		case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
			return Judgement{Outcome: CannotTell, Container: c.Name, Why: "the image cannot be pulled", Line: w.Message}
		case "CreateContainerConfigError":
			if isRootRefused(w.Message) {
				return breaks("the kubelet refuses to start it", w.Message)
			}
			return Judgement{Outcome: CannotTell, Container: c.Name, Why: "what its configuration refers to is missing", Line: w.Message}
		case "CreateContainerError", "RunContainerError", "StartError", "PostStartHookError", "PreCreateHookError", "PreStartHookError":
			return breaks("the runtime cannot start it", w.Message)
		}
	}
	ended := c.State.Terminated
	if ended == nil {
		ended = c.LastTerminationState.Terminated
	}
	if ended == nil {
		return Judgement{Outcome: Pending}
	}
	switch {
	case ended.Reason == "OOMKilled":
		return Judgement{Outcome: CannotTell, Container: c.Name, Why: "it ran out of memory"}
	case ended.Reason == "StartError" || ended.Reason == "ContainerCannotRun":
		return breaks("the runtime cannot start it", ended.Message)
	case ends && ended.ExitCode == 0:
		return Judgement{Outcome: Pending}
	case wasKilled(c, ended, r):
		return Judgement{Outcome: Pending}
	case endings(c) <= endingsAllowed(c.Name, r):
		return Judgement{Outcome: Pending}
	}
	return breaks(exitWords(ended), decidingLine(c.Name, s.Logs[c.Name], ended.Message))
}

// wasKilled reports whether the end of a container is the kubelet's doing, for the first
// time, as the copy asks for.
func wasKilled(c corev1.ContainerStatus, ended *corev1.ContainerStateTerminated, r Rules) bool {
	lived := ended.FinishedAt.Sub(ended.StartedAt.Time)
	// Both are whole seconds.
	return r.KillAfter > 0 && c.RestartCount <= 1 && lived >= r.KillAfter-time.Second &&
		(c.State.Terminated == nil || c.RestartCount == 0)
}

// endings returns how often a container has ended.
func endings(c corev1.ContainerStatus) int32 {
	if c.State.Terminated != nil {
		return c.RestartCount + 1
	}
	return c.RestartCount
}

// endingsAllowed returns how often a container may end: as often as the control's did, which
// may itself need a second start, when what it waits for is there.
func endingsAllowed(container string, r Rules) int32 {
	switch {
	case r.Baseline != nil:
		return r.Baseline.Restarts[container]
	case r.Finishes:
		return 0
	}
	return 1
}

func isRootRefused(message string) bool {
	return strings.Contains(message, "runAsNonRoot") || strings.Contains(message, "non-root")
}

func exitWords(ended *corev1.ContainerStateTerminated) string {
	if ended.Signal != 0 {
		return fmt.Sprintf("ends by signal %d", ended.Signal)
	}
	if ended.ExitCode > 128 && ended.ExitCode <= 128+64 {
		return fmt.Sprintf("ends by signal %d (exit code %d)", ended.ExitCode-128, ended.ExitCode)
	}
	return fmt.Sprintf("ends with exit code %d", ended.ExitCode)
}
