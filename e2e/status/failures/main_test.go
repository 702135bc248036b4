// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

// Package failures tests the command status on a whole cluster in which Caseharden is
// installed as a user would: containers fail as they do in production, and the commands that
// status prints are run as they are printed.
package failures

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/status/failures/image"
)

// What the tests share.
var (
	c          *release.Cluster
	caseharden string // the command
	bin        string // directory with kubectl
)

// soon is how long what takes seconds may take, on a machine that is busy.
const soon = 2 * time.Minute

// seccomp is a profile of seccomp that ends programs which call sync.
const seccomp = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_KILL_PROCESS"}]}`

const killing = `
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: killing}
spec: {container: {seccompProfile: {type: Localhost, localhostProfile: kill-sync.json}}}
`

func TestMain(m *testing.M) {
	code, err := runTests(context.Background(), m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "caseharden-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	profile := filepath.Join(dir, "killing.yaml")
	if err := os.WriteFile(profile, []byte(killing), 0o600); err != nil {
		return 0, err
	}
	archives, err := image.Find()
	if err != nil {
		return 0, err
	}
	if caseharden, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 0, err
	}
	// Without the label guard, labels can have mistakes, as those from before its installation.
	c, err = release.Start(ctx, os.Stderr, "--set-file=profiles.killing.file="+profile,
		"--set=webhook.excludedNamespaces={excluded}", "--set=labelGuard.enabled=false")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	for name, archive := range archives {
		if err := c.LoadArchive(ctx, archive, name); err != nil {
			return 0, err
		}
	}
	// Where the kubelet looks for profiles of seccomp.
	profiles := filepath.Join(c.Dir(), "kubelet", "seccomp")
	if err := errors.Join(os.MkdirAll(profiles, 0o755), os.WriteFile(filepath.Join(profiles, "kill-sync.json"), []byte(seccomp), 0o644)); err != nil {
		return 0, err
	}
	bin = filepath.Join(dir, "bin")
	if err := c.Programs(bin); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// enforcing is the label of a namespace that enforces a profile.
func enforcing(profile string) map[string]string {
	return map[string]string{"caseharden.io/enforce": profile}
}

// status runs "caseharden status -o json" with further arguments, as an administrator.
func status(t *testing.T, args ...string) command.Report {
	t.Helper()
	return statusOf(t, c.Kubeconfig(), args...)
}

func statusOf(t *testing.T, kubeconfig string, args ...string) command.Report {
	t.Helper()
	r := command.Run(t, caseharden, kubeconfig, append([]string{"-o", "json"}, args...)...)
	if r.Code != 0 {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	return r.Report
}

// shell runs a command line as an administrator would.
func shell(t *testing.T, line string) {
	t.Helper()
	command.Shell(t, c.Kubeconfig(), bin, line)
}
