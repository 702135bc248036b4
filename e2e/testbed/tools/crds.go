// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// CRDs downloads the CustomResourceDefinitions of cert-manager and of the Prometheus
// operator, and returns the directories with their files.
func CRDs(ctx context.Context) ([]string, error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, crds := range []struct{ module, dir string }{
		{"github.com/cert-manager/cert-manager", "deploy/crds"},
		{"github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"},
	} {
		var output []byte
		for _, args := range [][]string{{"mod", "download", crds.module}, {"list", "-m", "-f", "{{.Dir}}", crds.module}} {
			cmd := exec.CommandContext(ctx, "go", args...)
			cmd.Dir = filepath.Join(module, "testbed", "tools", "crds")
			if output, err = cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
			}
		}
		dirs = append(dirs, filepath.Join(strings.TrimSpace(string(output)), crds.dir))
	}
	return dirs, nil
}
