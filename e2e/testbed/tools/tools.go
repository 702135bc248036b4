// SPDX-License-Identifier: Apache-2.0

// Package tools builds the programs of others that tests run, each from its Go
// module: so that nothing but Go is needed, and no binary is downloaded.
//
// A directory below this one is a module of its own, whose go.mod names programs as
// its tools. What they depend on, which is a lot, so stays out of the go.mod of the
// tests, and go.sum says what is built.
package tools

import (
	"context"
	"io"
	"path/filepath"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// Build compiles the tools of a module below this directory, with flags of go build,
// and returns the directory of the programs. It reports its progress to w. A first
// build takes minutes, all others about a second. Several processes may call it at the
// same time.
func Build(ctx context.Context, w io.Writer, module string, flags ...string) (string, error) {
	dir, err := gobuild.BinDir()
	if err != nil {
		return "", err
	}
	return dir, compile(ctx, w, module, dir+string(filepath.Separator), flags...)
}

// compile compiles the tools of a module into a directory, or its only tool into a file.
func compile(ctx context.Context, w io.Writer, module, out string, flags ...string) error {
	root, err := gobuild.ModuleDir()
	if err != nil {
		return err
	}
	return gobuild.Compile(ctx, w, gobuild.Program{
		Name: module,
		Dir:  filepath.Join(root, "testbed", "tools", module),
		Args: append(append([]string{"-buildvcs=false"}, flags...), "tool"),
		Out:  out,
	})
}

// Prometheus returns the paths of prometheus and promtool. This prometheus finds what
// to scrape in its configuration and in files, and nowhere else: the clients of some
// thirty clouds are most of a build.
func Prometheus(ctx context.Context, w io.Writer) (prometheus, promtool string, err error) {
	dir, err := Build(ctx, w, "prometheus", "-tags=remove_all_sd")
	return filepath.Join(dir, "prometheus"), filepath.Join(dir, "promtool"), err
}

// Helm returns the path of helm, version 4.
func Helm(ctx context.Context, w io.Writer) (string, error) {
	dir, err := Build(ctx, w, "helm")
	return filepath.Join(dir, "helm"), err
}

// Helm3 returns the path of Helm 3.
func Helm3(ctx context.Context, w io.Writer) (string, error) {
	dir, err := gobuild.BinDir()
	if err != nil {
		return "", err
	}
	// Helm's own Makefile sets what helm template takes for the version of the cluster. It is
	// the minor version of k8s.io/client-go in go.mod.
	const variable = " -X=helm.sh/helm/v3/pkg/chartutil.k8sVersion"
	helm := filepath.Join(dir, "helm3")
	return helm, compile(ctx, w, "helm3", helm, "-ldflags="+variable+"Major=1"+variable+"Minor=37")
}

// Registry returns the path of a registry of container images.
func Registry(ctx context.Context, w io.Writer) (string, error) {
	dir, err := Build(ctx, w, "registry")
	return filepath.Join(dir, "registry"), err
}

// Cosign returns the path of cosign, which signs releases.
func Cosign(ctx context.Context, w io.Writer) (string, error) {
	dir, err := Build(ctx, w, "cosign")
	return filepath.Join(dir, "cosign"), err
}

// Kustomize returns the path of kustomize, which runs functions.
func Kustomize(ctx context.Context, w io.Writer) (string, error) {
	dir, err := Build(ctx, w, "kustomize")
	return filepath.Join(dir, "kustomize"), err
}
