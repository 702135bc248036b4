// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command images makes the images of the applications, all or those that its arguments
// name: minutes the first time, and a second when the user's cache has them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context, names []string) error {
	apps, err := catalogue.Select(names)
	if err != nil {
		return err
	}
	builder, err := catalogue.Builder()
	if err != nil {
		return err
	}
	for _, app := range apps {
		if _, found, err := builder.Find(app.ImageName(), app.Recipe); err != nil || found {
			if err != nil {
				return err
			}
			continue
		}
		begun := time.Now()
		if _, err := builder.Build(ctx, app.ImageName(), app.Recipe); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "image of %s made in %s\n", app.Name, time.Since(begun).Round(time.Second))
	}
	return nil
}
