// SPDX-License-Identifier: Apache-2.0

//go:build linux

package workload

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// It is known when a container will not serve, and everything else may still come.
func TestState(t *testing.T) {
	t.Parallel()
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "why"}}
	}
	ended := func(code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}
	}
	for name, test := range map[string]struct {
		status   corev1.ContainerStatus
		restarts int32
		want     string // what the error has; nothing: it runs
		failed   bool
	}{
		"runs":              {corev1.ContainerStatus{State: running}, 0, "", false},
		"is created":        {corev1.ContainerStatus{State: waiting("ContainerCreating")}, 0, "waits: ContainerCreating", false},
		"is refused":        {corev1.ContainerStatus{State: waiting("CreateContainerConfigError")}, 0, "CreateContainerConfigError: why", true},
		"cannot be started": {corev1.ContainerStatus{State: waiting("RunContainerError")}, 0, "RunContainerError", true},
		"ended":             {corev1.ContainerStatus{State: ended(1)}, 0, "exit code 1", true},
		"ended with 0":      {corev1.ContainerStatus{State: ended(0)}, 0, "exit code 0", true},
		"ended and runs again": {
			corev1.ContainerStatus{State: running, RestartCount: 1, LastTerminationState: ended(2)}, 0, "exit code 2", true,
		},
		"is being killed":   {corev1.ContainerStatus{State: running}, 1, "does not run", false},
		"was killed":        {corev1.ContainerStatus{State: ended(137)}, 1, "does not run", false},
		"runs after a kill": {corev1.ContainerStatus{State: running, RestartCount: 1, LastTerminationState: ended(137)}, 1, "", false},
		"ended after a kill": {
			corev1.ContainerStatus{State: ended(1), RestartCount: 1, LastTerminationState: ended(137)}, 1, "exit code 1", true,
		},
		"ended twice": {
			corev1.ContainerStatus{State: running, RestartCount: 2, LastTerminationState: ended(1)}, 1, "exit code 1", true,
		},
	} {
		err := state(&corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{test.status}}}, test.restarts)
		_, failed := errors.AsType[errFailed](err)
		if failed != test.failed || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v (failed: %v), want %q (%v)", name, err, failed, test.want, test.failed)
		}
	}
}
