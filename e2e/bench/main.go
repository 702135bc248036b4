// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command bench measures how fast Caseharden is, next to the least that a webhook can
// do, to the same in the API server's own policy engine, and to the same in
// controller-runtime.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	only := flag.String("only", "apiserver", "apiserver: what admission adds to the creation of a pod; policies: the same, of the formulations of the policy; condition: of a matchCondition")
	rounds := flag.Int("rounds", 0, "how often each is measured")
	flag.Parse()

	o := apiserver.Options{Rounds: *rounds, Log: os.Stderr}
	switch *only {
	case "apiserver":
	case "policies":
		o.Contenders = apiserver.Policies()
	case "condition":
		o.Contenders = []string{apiserver.None, apiserver.Limit, apiserver.LimitCondition, apiserver.Caseharden}
	default:
		return fmt.Errorf("--only %q: must be apiserver, policies or condition", *only)
	}
	result, err := apiserver.Run(ctx, o)
	if err != nil {
		return err
	}
	return result.Write(os.Stdout)
}
