// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// kubectl is the real one, as the administrator of the shared control plane.
type kubectl string

func newKubectl(t *testing.T) kubectl {
	t.Helper()
	path, err := controlplane.BuildKubectl(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return kubectl(path)
}

// run runs a command, which must succeed, and returns what it wrote to standard error:
// warnings are there.
func (k kubectl) run(t *testing.T, args ...string) (stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), string(k), append([]string{"--kubeconfig=" + controlPlane.Kubeconfig()}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %q: %v\n%s%s", args, err, &out, &errs)
	}
	return errs.String()
}
