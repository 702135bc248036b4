// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command score compares what the preview finds in the applications with the truth, by
// source of evidence. With -record it writes docs/evidence.json; with -profile it writes the
// profile that the preview makes of the images. It needs the images that command images
// makes, and nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/apps/judge"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/debian"
)

func main() {
	o := options{}
	flag.StringVar(&o.source, "source", "", "score only the sources whose name has this `text`")
	flag.BoolVar(&o.heldOut, "held-out", false, "also list what is missed of applications that are held out")
	flag.BoolVar(&o.record, "record", false, "write docs/evidence.json")
	flag.StringVar(&o.profile, "profile", "", "write the profile that the preview makes of the images to this `file`, and score nothing")
	flag.StringVar(&o.binary, "binary", "", "the `program` that is judged, if not that of this repository")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

type options struct {
	source, profile, binary string
	heldOut, record         bool
}

func run(ctx context.Context, o options) (err error) {
	if o.binary == "" {
		if o.binary, err = webhook.Compile(ctx, io.Discard); err != nil {
			return err
		}
	}
	truth, err := catalogue.ReadTruth()
	if err != nil {
		return err
	}
	var names []string
	for _, t := range truth.Apps {
		names = append(names, t.Name)
	}
	apps, err := catalogue.Select(names)
	if err != nil {
		return err
	}
	builder, err := catalogue.Builder()
	if err != nil {
		return err
	}
	image := func(a catalogue.App) (debian.Image, error) { return a.Built(builder) }
	if o.profile != "" {
		return writeProfile(ctx, o, apps, image)
	}
	result, err := judge.ReadResult()
	if err != nil {
		return err
	}
	result.Date, result.Commit, result.Sources = time.Now().UTC().Format(time.DateOnly), commit(), nil
	var errs []error
	for _, source := range judge.Sources {
		if !strings.Contains(source.Name, o.source) {
			continue
		}
		scored, err := source.Score(ctx, o.binary, apps, truth.Apps, image)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		show(scored, o.heldOut)
		result.Sources = append(result.Sources, scored)
	}
	if err := errors.Join(errs...); err != nil || !o.record {
		return err
	}
	return result.Write()
}

func show(r judge.SourceResult, heldOut bool) {
	for i, s := range []judge.Score{r.All, r.HeldOut} {
		name := []string{"all", "held out"}[i]
		fmt.Printf("%s, %s: recall %.2f (%d of %d), precision %.2f (%d of %d), right cause %.2f, breaks right %d of %d, no word %d of %d\n", r.Name, name,
			s.Recall(), s.Found, s.Needed, s.Precision(), s.Right, s.Findings, s.RightCause(), s.BreaksRight, s.Breaks, s.Silent, s.Apps)
	}
	hidden := map[string]bool{}
	if !heldOut {
		for _, line := range append(r.HeldOut.Misses, r.HeldOut.Wrongs...) {
			hidden[line] = true
		}
	}
	for _, line := range r.All.Misses {
		if !hidden[line] {
			fmt.Println("  missed:", line)
		}
	}
	for _, line := range r.All.Wrongs {
		if !hidden[line] {
			fmt.Println("  wrong: ", line)
		}
	}
}

func commit() string {
	text, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// writeProfile has the preview write a profile.
func writeProfile(ctx context.Context, o options, apps []catalogue.App, image func(catalogue.App) (debian.Image, error)) error {
	dir, err := os.MkdirTemp("", "score-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args, err := judge.Source{Images: true}.Args(apps, dir, image)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.binary, append(args, "-o", "profile")...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("preview -o profile: %w", err)
	}
	return os.WriteFile(o.profile, text, 0o644)
}
