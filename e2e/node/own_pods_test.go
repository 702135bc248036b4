// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

// Nothing in the image of the webhook could tell, so the kernel is asked from outside.
func TestOwnPodsAreHardenedByTheirManifest(t *testing.T) {
	for _, pod := range stayingReplicas(t) {
		if annotation, ok := pod.Annotations["caseharden.io/injected"]; ok {
			t.Errorf("%s went through its own webhook: %s", pod.Name, annotation)
		}
		pids := processes(t, strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "containerd://"))
		if len(pids) != 1 {
			t.Fatalf("%s: processes %v, want one", pod.Name, pids)
		}
		status, err := kernel.Status(pids[0])
		if err != nil {
			t.Fatal(err)
		}
		// As root, whom only a read-only mount stops.
		got := kernel.Report{Status: status, Writes: map[string]string{"/": kernel.Write(filepath.Join("/proc", pids[0], "root"))}}
		if diff := cmp.Diff(hardenedReport, got); diff != "" {
			t.Errorf("the kernel says of %s (-want +got):\n%s", pod.Name, diff)
		}
	}
}

// The namespace of the release has Pod Security refuse what is not hardened, and nothing
// hardens it there.
func TestOwnNamespaceEnforcesRestricted(t *testing.T) {
	ns, err := c.Client().CoreV1().Namespaces().Get(t.Context(), release.Namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ns.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces Pod Security %q, want restricted", got)
	}
	_, err = c.Kubectl(t.Context(), nil, "run", "--namespace="+release.Namespace, "control", "--image="+cluster.ProbeName)
	const want = `violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a pod that sets nothing: %v, want %s", err, want)
	}
}

// stayingReplicas returns the two replicas, without those that an upgrade replaces.
func stayingReplicas(t *testing.T) []corev1.Pod {
	t.Helper()
	staying := slices.DeleteFunc(replicas(t), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if len(staying) != 2 {
		t.Fatalf("%d replicas stay, want 2", len(staying))
	}
	return staying
}

// processes returns those in a container, by their directories in /proc.
func processes(t *testing.T, container string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		// Processes end at any time.
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(container)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
