// SPDX-License-Identifier: Apache-2.0

// Command build compiles the control plane of package controlplane and kubectl, showing
// the progress, and prints where the programs are: so that tests, whose output go
// test holds back, find them built.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := controlplane.Build(ctx, os.Stderr, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	kubectl, err := controlplane.BuildKubectl(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	fmt.Println(b.Etcd)
	fmt.Println(b.APIServer)
	fmt.Println(kubectl)
}
