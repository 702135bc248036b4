// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"io"
	"path/filepath"
)

// BuildKubectl compiles kubectl, of the same version as the control plane, into
// BinDir, and returns its path. It reports its progress to w.
func BuildKubectl(ctx context.Context, w io.Writer) (string, error) {
	module, err := ModuleDir()
	if err != nil {
		return "", err
	}
	dir, err := BinDir()
	if err != nil {
		return "", err
	}
	version, err := versionFlag(ctx, module)
	if err != nil {
		return "", err
	}
	kubectl := filepath.Join(dir, "kubectl")
	return kubectl, Compile(ctx, w, Program{
		Name: "kubectl",
		Dir:  module,
		Args: []string{"-tags=controlplane", "-buildvcs=false", version, "./testbed/controlplane/kubectl"},
		Out:  kubectl,
	})
}
