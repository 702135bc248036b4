// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestRestart kills each process and starts it again: pods outlive all of that, and new
// ones run.
func TestRestart(t *testing.T) {
	ns := namespace(t)
	bedtest.Kubectl(t, c, "", "create", "deployment", "--namespace="+ns, "old", "--image="+ProbeName)
	old, err := c.Pod(t.Context(), ns, "app=old")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Etcd, APIServer, ControllerManager, Scheduler, Containerd, Kubelet} {
		if err := c.Restart(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	bedtest.Kubectl(t, c, "", "create", "deployment", "--namespace="+ns, "new", "--image="+ProbeName)
	if _, err := c.Pod(t.Context(), ns, "app=new"); err != nil {
		t.Error(err)
	}
	now, err := c.Pod(t.Context(), ns, "app=old")
	if err != nil {
		t.Fatal(err)
	}
	if now.Name != old.Name || now.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Errorf("the old pod is another one, or has been restarted: %v", now.Status)
	}
}

// TestSuspend has the cluster lack its scheduler for a while.
func TestSuspend(t *testing.T) {
	ns := namespace(t)
	c.Process(Scheduler).Suspend()
	t.Cleanup(c.Process(Scheduler).Resume)
	bedtest.Kubectl(t, c, "", "run", "--namespace="+ns, "web", "--image="+ProbeName, "--labels=app=web")
	time.Sleep(time.Second) // it takes some milliseconds
	pod, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), "web", metav1.GetOptions{})
	c.Process(Scheduler).Resume()
	if err != nil || pod.Spec.NodeName != "" {
		t.Errorf("without a scheduler the pod is on node %q, %v", pod.Spec.NodeName, err)
	}
	if _, err := c.Pod(t.Context(), ns, "app=web"); err != nil {
		t.Error(err)
	}
}
