// SPDX-License-Identifier: Apache-2.0

// Command licences prints THIRD_PARTY_LICENSES: what is linked into the binary of the
// image apart from Caseharden's own code, and under which terms. The terms ask that
// their text comes with the binary.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	components, err := linked(ctx, root)
	if err != nil {
		return err
	}
	for i := range components {
		if err := components[i].read(); err != nil {
			return err
		}
	}
	return write(os.Stdout, components)
}
