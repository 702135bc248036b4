// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command build compiles what package release runs, showing the progress: so that tests,
// whose output go test holds back, and whose sandbox has no network, find it built.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/product/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := release.Build(ctx, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}
