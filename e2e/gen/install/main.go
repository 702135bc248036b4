// SPDX-License-Identifier: Apache-2.0

// Command install prints deploy/install.yaml: the chart with its default values, for who
// installs with kubectl alone.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// header says what the output of helm does not.
const header = `# Rendered from deploy/chart by make update: do not edit. For anything but the defaults use
# the chart, or render it with other values:
#
#   helm template caseharden deploy/chart -n caseharden --set createNamespace=true --skip-tests
#
# Nothing is published yet: the image has to be one of your own (see docs/install.md).
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := render(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func render(ctx context.Context, w io.Writer) error {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	helm, err := tools.Helm(ctx, os.Stderr)
	if err != nil {
		return err
	}
	chart := filepath.Join(root, "deploy", "chart")
	cmd := exec.CommandContext(ctx, helm, "template", "caseharden", chart, "--namespace=caseharden", "--set=createNamespace=true", "--skip-tests")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("helm template: %w", err)
	}
	// Helm puts an empty line before each separator.
	_, err = io.WriteString(w, header+strings.ReplaceAll(string(output), "\n\n---\n", "\n---\n"))
	return err
}
