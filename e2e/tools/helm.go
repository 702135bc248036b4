// SPDX-License-Identifier: Apache-2.0

// Package tools compiles programs of others that tests and make targets run, each from
// a module of its own below this directory, whose go.mod says which version.
package tools

import (
	"context"
	"io"
	"path/filepath"

	"github.com/caseharden/caseharden/e2e/cluster"
)

// Helm compiles helm and returns its path. It reports its progress to w: the first
// build takes about two minutes.
func Helm(ctx context.Context, w io.Writer) (string, error) {
	return build(ctx, w, "helm", "helm.sh/helm/v4/cmd/helm")
}

// build compiles the main package of the module in the directory name, and returns the
// path of the program, which is called so too.
func build(ctx context.Context, w io.Writer, name, main string) (string, error) {
	module, err := cluster.ModuleDir()
	if err != nil {
		return "", err
	}
	dir, err := cluster.BinDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, name)
	return program, cluster.Compile(ctx, w, cluster.Program{
		Name: name,
		Dir:  filepath.Join(module, "tools", name),
		Args: []string{"-buildvcs=false", main},
		Out:  program,
	})
}
