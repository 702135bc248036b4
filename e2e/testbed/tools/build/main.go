// SPDX-License-Identifier: Apache-2.0

// Command build compiles tools of package tools, showing the progress, and prints where they
// are: so that tests, whose output go test holds back, find them built. Its arguments are the
// names of tools. Without any, it builds those that make test needs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// all are the tools by name. Those of a release are of no use to make test.
var all = []struct {
	name    string
	build   func(ctx context.Context, w io.Writer) (string, error)
	release bool
}{
	{"cosign", tools.Cosign, true},
	{"helm", tools.Helm, false},
	{"helm3", tools.Helm3, false},
	{"kustomize", tools.Kustomize, false},
	{"prometheus", func(ctx context.Context, w io.Writer) (string, error) {
		prometheus, _, err := tools.Prometheus(ctx, w)
		return prometheus, err
	}, false},
	{"registry", tools.Registry, false},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context, names []string) error {
	for _, tool := range all {
		if !slices.Contains(names, tool.name) && (len(names) > 0 || tool.release) {
			continue
		}
		path, err := tool.build(ctx, os.Stderr)
		if err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}
