// SPDX-License-Identifier: Apache-2.0

// Command build compiles the tools of package tools, showing the progress, and prints
// where they are: so that tests, whose output go test holds back, find them built.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context) error {
	helm, err := tools.Helm(ctx, os.Stderr)
	if err != nil {
		return err
	}
	helm3, err := tools.Helm3(ctx, os.Stderr)
	if err != nil {
		return err
	}
	prometheus, promtool, err := tools.Prometheus(ctx, os.Stderr)
	if err != nil {
		return err
	}
	registry, err := tools.Registry(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println(helm)
	fmt.Println(helm3)
	fmt.Println(prometheus)
	fmt.Println(promtool)
	fmt.Println(registry)
	return nil
}
