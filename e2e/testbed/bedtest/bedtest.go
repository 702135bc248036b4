// SPDX-License-Identifier: Apache-2.0

// Package bedtest has what tests on the test bed begin with. Each function ends the test
// where it fails.
package bedtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// Within waits until check returns nil, for at most this time, and returns how long it took.
func Within(t *testing.T, timeout time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := poll.Within(context.WithoutCancel(t.Context()), timeout, what, check); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

// Soon waits for what happens within seconds, on a machine that is busy.
func Soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	Within(t, 10*time.Second, what, func() error {
		if !holds() {
			return errors.New("not yet")
		}
		return nil
	})
}

// A Cluster is one whose controllers run: a cluster.Cluster.
type Cluster interface {
	Client() kubernetes.Interface
	CreateNamespace(ctx context.Context, name string, labels map[string]string) error
	Kubectl(ctx context.Context, stdin io.Reader, args ...string) (string, error)
}

// Namespace creates a namespace, and deletes it, with all that is in it, when the test ends.
func Namespace(t *testing.T, c Cluster, name string, labels map[string]string) string {
	t.Helper()
	if err := c.CreateNamespace(t.Context(), name, labels); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Client().CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// Apply creates what a manifest says, in a namespace.
func Apply(t *testing.T, c Cluster, namespace, manifest string) {
	t.Helper()
	Kubectl(t, c, manifest, "apply", "--namespace="+namespace, "-f", "-")
}

// Kubectl runs kubectl, and returns what it prints.
func Kubectl(t *testing.T, c Cluster, stdin string, args ...string) string {
	t.Helper()
	stdout, err := c.Kubectl(t.Context(), strings.NewReader(stdin), args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}
