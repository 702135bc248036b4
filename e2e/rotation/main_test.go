// SPDX-License-Identifier: Apache-2.0

// Package rotation tests the certificates that the product makes itself, on a real
// API server: that no pod is lost to them, whatever happens meanwhile.
//
// Each test has an installation of its own: replicas, each with a proxy to the API
// server that can fail it in the middle of a step; a balancer that stands for the
// Service; and everything with no more permissions than deploy/install.yaml gives. Start
// reading at installation, then at TestRotationsUnderLoad.
//
// The API server is restarted, so that the control plane is not that of the other
// tests. The one test which does that comes before all others, which run in parallel.
package rotation

import (
	"context"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

var (
	controlPlane *controlplane.ControlPlane
	client       kubernetes.Interface // of the administrator
	binary       string
)

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	if binary, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 0, err
	}
	controlPlane, err = controlplane.Start(ctx, controlplane.Options{
		Log: os.Stderr,
		// Said here too, as permissions are what one of the tests is about.
		APIServerFlags: []string{"--authorization-mode=RBAC"},
	})
	if err != nil {
		return 0, err
	}
	defer controlPlane.Stop()
	if client, err = kubernetes.NewForConfig(controlPlane.Config()); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// soon is far more than what happens at once may take on a busy machine.
const soon = 20 * time.Second

// every calls f at once and then after each pause, until the context ends.
func every(ctx context.Context, pause time.Duration, f func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}
