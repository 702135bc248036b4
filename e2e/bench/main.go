// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command bench compares Caseharden with other ways to fill in the same settings: what a
// review costs, and what is added to the creation of a Pod. It prints the tables of
// docs/performance.md. Start reading at measureReviews and measureCreates.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	only := flag.String("only", "", "measure one `part`: direct (reviews sent to webhooks) or apiserver (creation of Pods); default both")
	rounds := flag.Uint("rounds", 0, fmt.Sprintf("number of rounds (default %d for direct, %d for apiserver)", reviewRounds, createRounds))
	file := flag.String("json", "", "also write the result to this `file`")
	flag.Parse()
	if flag.NArg() > 0 || (*only != "" && *only != "direct" && *only != "apiserver") {
		fmt.Fprintln(os.Stderr, "bench: there are flags only, and --only must be direct or apiserver")
		os.Exit(2)
	}
	r, err := measure(ctx, *only, int(*rounds), 300*time.Millisecond)
	if err == nil {
		for _, part := range r.parts() {
			fmt.Printf("\n%s", part.text)
		}
		if *file != "" {
			err = r.save(*file)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure measures one part, or both if only is "". turn is how long a contender takes requests
// before it is the next one's turn.
func measure(ctx context.Context, only string, rounds int, turn time.Duration) (r *report, err error) {
	b := &bed{binaries: map[string]string{}, servers: map[string]*server{}}
	if b.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.stop(), os.RemoveAll(b.dir)) }()
	// Everything is compiled first: a machine that compiles is slower.
	if only != "direct" {
		if _, err := controlplane.Build(ctx, os.Stderr, ""); err != nil {
			return nil, err
		}
	}
	if err := b.setUp(ctx, os.Getenv("CORPUS")); err != nil {
		return nil, err
	}
	ofReviews, ofCreates := cmp.Or(rounds, reviewRounds), cmp.Or(rounds, createRounds)
	r = &report{Setup: [][2]string{
		{"date", time.Now().UTC().Format("2 January 2006")},
		{"machine", fmt.Sprintf("%d cores, %s, %s/%s", runtime.NumCPU(), cpuModel(), runtime.GOOS, runtime.GOARCH)},
		{"rounds", fmt.Sprintf("%d of reviews, %d of creates", ofReviews, ofCreates)},
		{"Go", runtime.Version()},
		{"commit", output(ctx, "git", "-C", b.module, "describe", "--always", "--abbrev=12", "--dirty")},
		{"Kubernetes", output(ctx, "go", "-C", b.module, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")},
		{typed, output(ctx, "go", "-C", filepath.Join(b.module, "bench/controllerruntime"), "list", "-m", "-f", "{{.Version}}", "sigs.k8s.io/controller-runtime")},
	}}
	if only != "apiserver" {
		if err := r.measureReviews(ctx, b, ofReviews, turn); err != nil {
			return nil, err
		}
	}
	if only != "direct" {
		return r, r.measureCreates(ctx, b, ofCreates, turn)
	}
	return r, nil
}

// output returns "unknown" if the command fails: an archive of the source has no history.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// cpuModel returns the first model name of /proc/cpuinfo. Not every architecture has one.
func cpuModel() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, _ := strings.Cut(string(data), "model name\t: ")
	model, _, _ := strings.Cut(rest, "\n")
	return cmp.Or(model, "unknown processor")
}
