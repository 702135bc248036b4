// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// waitReplicas waits until there are two replicas, which are ready, and no others.
func waitReplicas(t *testing.T) {
	t.Helper()
	bedtest.Within(t, 2*time.Minute, "two replicas", func() error {
		pods, ready := replicas(t), 0
		for _, pod := range pods {
			if isReady(&pod) && pod.DeletionTimestamp == nil {
				ready++
			}
		}
		if ready != 2 || len(pods) != 2 {
			return fmt.Errorf("%d ready of %d", ready, len(pods))
		}
		return nil
	})
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// processOf returns the number of the process of a pod's only container, which the machine
// sees, by the name of its cgroup.
func processOf(t *testing.T, pod *corev1.Pod) int {
	t.Helper()
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	pids := processes(t, id)
	if len(pids) != 1 {
		t.Fatalf("in container %s are the processes %q, want one", id, pids)
	}
	pid, err := strconv.Atoi(pids[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
