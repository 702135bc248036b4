// SPDX-License-Identifier: Apache-2.0

// Package status tests the command status on a real API server, which has nodes as little
// as a controller manager: the tests write the status of Pods as a kubelet would. The
// webhook that hardens the Pods is the compiled product.
package status

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// What the tests share.
var (
	controlPlane *controlplane.ControlPlane
	client       kubernetes.Interface
	caseharden   string // the command
	bin          string // directory with kubectl
)

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "caseharden-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if caseharden, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 0, err
	}
	kubectl, err := controlplane.BuildKubectl(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	bin = filepath.Join(dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Symlink(kubectl, filepath.Join(bin, "kubectl"))); err != nil {
		return 0, err
	}
	controlPlane, err = controlplane.Start(ctx, controlplane.Options{Log: os.Stderr, AuditPolicy: "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n"})
	if err != nil {
		return 0, err
	}
	defer controlPlane.Stop()
	if client, err = kubernetes.NewForConfig(controlPlane.Config()); err != nil {
		return 0, err
	}
	hook, err := webhook.Start(ctx, caseharden, dir)
	if err != nil {
		return 0, err
	}
	defer hook.Stop()
	configuration, err := hook.Configuration()
	if err != nil {
		return 0, err
	}
	// An entry that cannot be called, and fails open.
	down := "https://127.0.0.1:1/enforce/compatible"
	entry := webhook.Entry(configuration, "enforce", "compatible")
	entry.ClientConfig.URL = &down
	*entry.FailurePolicy = "Ignore"
	if err := webhook.Install(ctx, client, configuration, map[string]string{"caseharden.io/enforce": "hardened"}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// status runs "caseharden status -o json" with further arguments, as an administrator.
func status(t *testing.T, args ...string) command.Result {
	t.Helper()
	return command.Run(t, caseharden, controlPlane.Kubeconfig(), append([]string{"-o", "json"}, args...)...)
}

// shell runs a command line as an administrator would, with kubectl at hand.
func shell(t *testing.T, line string) {
	t.Helper()
	command.Shell(t, controlPlane.Kubeconfig(), bin, line)
}
