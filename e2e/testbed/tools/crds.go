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

// crds are the modules that have CustomResourceDefinitions, and the directories with them.
var crds = map[string]struct{ module, dir string }{
	"cert-manager":        {"github.com/cert-manager/cert-manager", "deploy/crds"},
	"prometheus-operator": {"github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"},
	"policyreport":        {"sigs.k8s.io/wg-policy-prototypes", "policy-report/crd/v1alpha2"},
	"openreports":         {"github.com/openreports/reports-api", "config/crd"},
}

// CRDs downloads the CustomResourceDefinitions of others, and returns their files.
func CRDs(ctx context.Context, names ...string) (files []string, err error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var output []byte
		for _, args := range [][]string{{"mod", "download", crds[name].module}, {"list", "-m", "-f", "{{.Dir}}", crds[name].module}} {
			cmd := exec.CommandContext(ctx, "go", args...)
			cmd.Dir = filepath.Join(module, "testbed", "tools", "crds")
			if output, err = cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
			}
		}
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(output)), crds[name].dir, "*.yaml"))
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("module %s: has no files in %s", crds[name].module, crds[name].dir)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}
