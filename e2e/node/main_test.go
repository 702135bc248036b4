// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

// Package node tests what becomes of pods that run: on a whole cluster in which Caseharden
// is installed as a user would, the kernel is asked. make test-cluster runs it.
package node

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// c is the cluster that the tests share.
var c *release.Cluster

func TestMain(m *testing.M) {
	var err error
	if c, err = release.Start(context.Background(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
		code = 1
	}
	os.Exit(code)
}

// enforcing is the label of a namespace that enforces a profile.
func enforcing(profile string) map[string]string {
	return map[string]string{"caseharden.io/enforce": profile}
}

// namespace creates a namespace for a test, and deletes it, with all that is in it, when
// the test ends.
func namespace(t *testing.T, name string, labels map[string]string) string {
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

// apply creates what a manifest says, in a namespace.
func apply(t *testing.T, namespace, manifest string) {
	t.Helper()
	kubectl(t, manifest, "apply", "--namespace="+namespace, "-f", "-")
}

func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	stdout, err := c.Kubectl(t.Context(), strings.NewReader(stdin), args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

func within(t *testing.T, timeout time.Duration, what string, check func() error) {
	t.Helper()
	if err := cluster.Within(t.Context(), timeout, what, check); err != nil {
		t.Fatal(err)
	}
}
