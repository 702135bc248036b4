// SPDX-License-Identifier: Apache-2.0

// Command demo shows Caseharden at work without Kubernetes: it starts the webhook, sends it
// the review of a legacy Pod as an API server does, and applies the patch with the API
// server's library. What may break is from caseharden preview.
//
//	demo CASEHARDEN POD.YAML
//
// It is the first act of make demo, and imports only what Caseharden itself is made of, so
// that a fresh machine shows it within a minute.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: demo CASEHARDEN POD.YAML")
	}
	binary, file := args[0], args[1]
	pod, err := readPod(file)
	if err != nil {
		return err
	}
	w, err := start(ctx, binary)
	if err != nil {
		return err
	}
	defer w.stop()
	answer, err := w.review(ctx, pod)
	if err != nil {
		return err
	}
	findings, err := preview(ctx, binary, file)
	if err != nil {
		return err
	}
	return show(os.Stdout, binary, file, pod, answer, findings)
}
