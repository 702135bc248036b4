// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// some are the applications that are run each time: one whose entrypoint gives up root, one
// with a file capability, and one whose user has to be the image's own.
var some = []string{"caddy", "redis", "uwsgi"}

// TestTruthHolds runs a few applications as they are, with all settings, and under the
// smallest profile that was found, and with each of its differences taken back: what
// truth.json says of it is what happens.
func TestTruthHolds(t *testing.T) {
	apps, err := catalogue.Select(some)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := catalogue.ReadTruth()
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(filepath.Join(t.TempDir(), "runs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	r := &runner{begin: func() error { return nil }, cluster: c, journal: j, log: os.Stderr, slots: make(chan struct{}, atOnce)}
	var group sync.WaitGroup
	for _, app := range apps {
		i := slices.IndexFunc(truth.Apps, func(a catalogue.AppTruth) bool { return a.Name == app.Name })
		if i < 0 {
			t.Errorf("%s is not in truth.json", app.Name)
			continue
		}
		group.Go(func() { holds(t, r, app, truth.Apps[i]) })
	}
	group.Wait()
}

func holds(t *testing.T, r *runner, app catalogue.App, truth catalogue.AppTruth) {
	builder, err := catalogue.Builder()
	if err != nil {
		t.Error(err)
		return
	}
	image, err := app.Built(builder)
	if err != nil {
		t.Error(err)
		return
	}
	smallest := truth.Smallest[0]
	variants := []catalogue.Variant{catalogue.With(), catalogue.Without(), smallest}
	for _, d := range truth.Differs {
		variants = append(variants, smallest.Restore(d.Setting))
	}
	works, err := r.forApp(context.WithoutCancel(t.Context()), app, image).try(t.Context(), variants...)
	if err != nil {
		t.Error(err)
		return
	}
	for n, v := range variants {
		want, known := truth.Works[v.String()]
		if !known || works[n] != want {
			t.Errorf("%s, %s: serves is %v; truth.json says %v (known: %v)", app.Name, v, works[n], want, known)
		}
	}
}
