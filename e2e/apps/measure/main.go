// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command measure runs the applications on a whole cluster, without the product: as they
// are, with all settings of profile hardened, with each alone and with each left out, and
// searches for the smallest profile under which each serves. It writes what it found to
// the catalogue: truth.json, and the live status of each. It needs the images that command
// images makes, and a sandbox of its own, which command sandbox makes.
//
// It can be ended and started again: a journal has the runs so far, and without a new one
// nothing is started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

func main() {
	limit := flag.Duration("for", 0, "end after this `time`, and go on at the next call; 0 is no limit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *limit)
		defer cancel()
	}
	if err := measure(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, names []string) error {
	apps, err := catalogue.Select(names)
	if err != nil {
		return err
	}
	builder, err := catalogue.Builder()
	if err != nil {
		return err
	}
	j, err := openJournal(filepath.Join(builder.Cache, "runs.jsonl"))
	if err != nil {
		return err
	}
	r := &runner{journal: j, log: os.Stderr, slots: make(chan struct{}, atOnce)}
	r.begin = sync.OnceValue(func() (err error) {
		r.cluster, err = cluster.Start(ctx, cluster.Options{Log: os.Stderr})
		return err
	})
	begun := time.Now()
	found := make([]*catalogue.AppTruth, len(apps))
	failed := make([]error, len(apps))
	var group errgroup.Group
	for i, app := range apps {
		group.Go(func() error {
			image, err := app.Built(builder)
			if err == nil {
				found[i], err = r.forApp(ctx, app, image).measure(ctx)
			}
			failed[i] = err
			return nil
		})
	}
	_ = group.Wait()
	fmt.Fprintf(os.Stderr, "%d runs in %s\n", r.runs.Load(), time.Since(begun).Round(time.Second))
	err = record(apps, found)
	if r.cluster != nil {
		err = errors.Join(err, r.cluster.Stop())
	}
	if ctx.Err() != nil {
		return errors.Join(fmt.Errorf("not all is measured yet: %w", ctx.Err()), err)
	}
	return errors.Join(errors.Join(failed...), err)
}
