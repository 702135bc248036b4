// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testNamespace is the namespace of the test of the release caseharden in the namespace
// caseharden.
const testNamespace = "caseharden-test-116fec20"

// Helm itself runs the test: it succeeds while pods are hardened and fails when they are
// not, again and again. A test that succeeds leaves nothing, one that fails its Pod.
func TestHelmRunsTheTest(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t)
	in.runTestPods(t)
	helmTest := func() (string, error) {
		stdout, stderr, err := run(t, in.env, "", helmBinary, "test", "caseharden", "--namespace=caseharden", "--timeout=60s")
		return stdout + stderr, err
	}
	left := func() bool {
		_, err := in.client.CoreV1().Pods("caseharden").Get(t.Context(), "caseharden-test", metav1.GetOptions{})
		return err == nil
	}
	// A namespace that a team may well have for trials.
	in.kubectlOK(t, "create", "namespace", "caseharden-test")
	for range 2 {
		if output, err := helmTest(); err != nil || !strings.Contains(output, "Phase:          Succeeded") {
			t.Fatalf("%v\n%s", err, output)
		}
		if left() {
			t.Error("the Pod of a test that succeeded is still there")
		}
		if _, err := in.client.CoreV1().Namespaces().Get(t.Context(), testNamespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("the namespace of a test that succeeded: %v", err)
		}
	}
	if n, err := in.client.CoreV1().Namespaces().Get(t.Context(), "caseharden-test", metav1.GetOptions{}); err != nil || n.DeletionTimestamp != nil {
		t.Errorf("a namespace that is not the test's: %v, deleted at %v", err, n.DeletionTimestamp)
	}
	in.kubectlOK(t, "delete", "mutatingwebhookconfiguration", "caseharden")
	if output, err := helmTest(); err == nil || !strings.Contains(output, "Phase:          Failed") {
		t.Errorf("where nothing is hardened: %v\n%s", err, output)
	}
	if !left() {
		t.Error("the Pod of a test that failed is gone")
	}
}

// runTestPods does, until the test ends, what a kubelet does for the Pod of helm test, and
// a controller for its namespace.
func (in *installation) runTestPods(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	t.Cleanup(func() { cancel(); worker.Wait() })
	dir := t.TempDir()
	worker.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			if err := errors.Join(in.runTestPod(ctx, dir), in.finalizeTestNamespace(ctx)); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
}

func (in *installation) runTestPod(ctx context.Context, dir string) error {
	pods := in.client.CoreV1().Pods("caseharden")
	pod, err := pods.Get(ctx, "caseharden-test", metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && pod.Status.Phase != corev1.PodPending {
		return nil
	}
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := in.runner.WriteKubeconfig(ctx, pod.Spec.ServiceAccountName, kubeconfig); err != nil {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	if exec.CommandContext(ctx, binary, append(pod.Spec.Containers[0].Args, "--timeout=5s", "--kubeconfig="+kubeconfig)...).Run() != nil {
		pod.Status.Phase = corev1.PodFailed
	}
	_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	return err
}

func (in *installation) finalizeTestNamespace(ctx context.Context) error {
	namespaces := in.client.CoreV1().Namespaces()
	namespace, err := namespaces.Get(ctx, testNamespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && namespace.DeletionTimestamp == nil {
		return nil
	}
	if err != nil {
		return err
	}
	namespace.Spec.Finalizers = nil
	if _, err = namespaces.Finalize(ctx, namespace, metav1.UpdateOptions{}); apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
