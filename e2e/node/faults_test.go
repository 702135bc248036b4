// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// These break or change what is installed, under a load, with failurePolicy Fail: nothing
// is ever admitted unhardened, and all pods are there in the end. What is done on purpose
// costs no create; what it costs otherwise is logged, and is what docs/operations.md says.

func TestRollout(t *testing.T) {
	l := startLoad(t, "rollout")
	l.fault()
	if err := c.Upgrade(t.Context(), fmt.Sprintf("--set=podAnnotations.rollout=n%d", time.Now().Unix())); err != nil {
		t.Fatal(err)
	}
	waitReplicas(t) // the old ones have drained
	costsNothing(t, l.finish(t))
}

// TestDrain evicts both replicas, as kubectl drain does.
func TestDrain(t *testing.T) {
	l := startLoad(t, "drain")
	pods := replicas(t)
	evict := func(n int) error {
		return c.Client().PolicyV1().Evictions(release.Namespace).Evict(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pods[n].Name, Namespace: release.Namespace}})
	}
	l.fault()
	if err := evict(0); err != nil {
		t.Fatalf("eviction of the first replica: %v", err)
	}
	if err := evict(1); !apierrors.IsTooManyRequests(err) {
		t.Errorf("eviction of the second at once: %v, want that it is refused", err)
	}
	bedtest.Within(t, time.Minute, "the eviction of the second", func() error { return evict(1) })
	t.Logf("the second replica could be evicted after %s", time.Since(l.begun).Round(time.Millisecond))
	waitReplicas(t)
	costsNothing(t, l.finish(t))
}

// TestRotation has another certificate take the place of the one that is served.
func TestRotation(t *testing.T) {
	l := startLoad(t, "rotation")
	before := certificate(t)
	t.Cleanup(func() {
		if err := c.Upgrade(context.Background(), "--set=certificates.lifetime=2160h,certificates.propagation=1m"); err != nil {
			t.Error(err)
		}
	})
	l.fault()
	// What lives longer than this is replaced.
	if err := c.Upgrade(t.Context(), "--set=certificates.lifetime=1h,certificates.propagation=15s"); err != nil {
		t.Fatal(err)
	}
	bedtest.Within(t, time.Minute, "a rotation", func() error {
		if bytes.Equal(before, certificate(t)) {
			return errors.New("the certificate is the same")
		}
		return nil
	})
	t.Logf("rotated after %s", time.Since(l.begun).Round(time.Millisecond))
	waitReplicas(t)
	costsNothing(t, l.finish(t))
}

func certificate(t *testing.T) []byte {
	t.Helper()
	secret, err := c.Client().CoreV1().Secrets(release.Namespace).Get(t.Context(), "caseharden-tls", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Data["tls.crt"]
}

// costsNothing demands that no create failed.
func costsNothing(t *testing.T, o tally) {
	t.Helper()
	if o.direct.failed > 0 || o.controllers.failed > 0 {
		t.Errorf("%d and %d creates failed, want none: %v, %v", o.direct.failed, o.controllers.failed, o.direct.causes, o.controllers.causes)
	}
}

func TestKilledReplica(t *testing.T) {
	l := startLoad(t, "killed")
	pod := replicas(t)[0]
	l.fault()
	if err := syscall.Kill(processOf(t, &pod), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitRestarted(t, l, &pod)
	l.finish(t)
}

// TestDeletedReplica takes a pod away at once, as who believes its node to be lost.
func TestDeletedReplica(t *testing.T) {
	l := startLoad(t, "deleted")
	l.fault()
	if err := c.Client().CoreV1().Pods(release.Namespace).Delete(t.Context(), replicas(t)[0].Name, *metav1.NewDeleteOptions(0)); err != nil {
		t.Fatal(err)
	}
	waitReplicas(t)
	l.finish(t)
}

func TestFrozenReplica(t *testing.T) {
	l := startLoad(t, "frozen")
	pod := replicas(t)[0]
	process := processOf(t, &pod)
	l.fault()
	if err := syscall.Kill(process, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	bedtest.Within(t, time.Minute, "the replica to be taken out", func() error {
		now, err := c.Client().CoreV1().Pods(release.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		if err == nil && isReady(now) {
			err = errors.New("it is ready")
		}
		return err
	})
	t.Logf("taken out after %s", time.Since(l.begun).Round(time.Millisecond))
	waitRestarted(t, l, &pod)
	l.finish(t)
}

// waitRestarted waits until the kubelet has restarted a replica, and it is ready again. One
// that does not answer takes three probes of ten seconds each, and does not drain.
func waitRestarted(t *testing.T, l *load, before *corev1.Pod) {
	t.Helper()
	bedtest.Within(t, time.Minute, "a restart", func() error {
		pod, err := c.Client().CoreV1().Pods(release.Namespace).Get(t.Context(), before.Name, metav1.GetOptions{})
		if err == nil && pod.Status.ContainerStatuses[0].RestartCount == before.Status.ContainerStatuses[0].RestartCount {
			err = errors.New("it is as before")
		}
		return err
	})
	t.Logf("restarted after %s", time.Since(l.begun).Round(time.Millisecond))
	waitReplicas(t)
	t.Logf("ready after %s", time.Since(l.begun).Round(time.Millisecond))
}

func TestRestartedAPIServer(t *testing.T) {
	l := startLoad(t, "apiserver")
	l.fault()
	if err := c.Restart(t.Context(), cluster.APIServer); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(l.begun).Round(time.Millisecond))
	waitReplicas(t)
	l.finish(t)
}
