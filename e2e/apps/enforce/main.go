// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command enforce runs the applications, as they are, in namespaces that enforce a profile,
// on a whole cluster in which Caseharden is installed, and counts those that serve and the
// settings that they have. It writes that to docs/evidence.json. Its argument is the file of
// the profile, which command score writes of what the preview finds. It needs what
// make test-cluster makes, and the images that command images makes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/apps/judge"
	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/workload"
)

// atOnce is how many applications run at the same time.
const atOnce = 12

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: enforce PROFILE")
		os.Exit(2)
	}
	if err := run(ctx, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "enforce:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var profile struct{ Metadata struct{ Name string } }
	if err := yaml.Unmarshal(text, &profile); err != nil {
		return err
	}
	name := profile.Metadata.Name
	c, err := release.Start(ctx, os.Stderr, "--set-file=profiles."+name+".file="+file)
	if err != nil {
		return err
	}
	err = enforce(ctx, c, name)
	return errors.Join(err, c.Stop())
}

// served is what became of an application.
type served struct {
	outcome workload.Outcome
	kept    int
}

func enforce(ctx context.Context, c *release.Cluster, profile string) error {
	truth, err := catalogue.ReadTruth()
	if err != nil {
		return err
	}
	result := &judge.ProfileResult{Commit: commit(), Date: time.Now().UTC().Format(time.DateOnly)}
	found, errs := make([]served, len(truth.Apps)), make([]error, len(truth.Apps))
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, t := range truth.Apps {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i], errs[i] = serve(ctx, c, t, profile)
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, t := range truth.Apps {
		result.Apps++
		if t.Works[catalogue.Without().String()] {
			result.Before++
		}
		if !found[i].outcome.Works {
			how := strings.ReplaceAll(fmt.Sprintf("%s: %.200s", t.Name, found[i].outcome.How), "\n", " ")
			result.Fail = append(result.Fail, how)
			fmt.Fprintf(os.Stderr, "%s\n%s\n", how, found[i].outcome.Log)
			continue
		}
		result.Serve++
		result.Kept += found[i].kept
	}
	fmt.Fprintf(os.Stderr, "%d of %d serve, with %.2f settings on average\n", result.Serve, result.Apps, float64(result.Kept)/float64(max(1, result.Serve)))
	r, err := judge.ReadResult()
	if err != nil {
		return err
	}
	r.Profile = result
	return r.Write()
}

func serve(ctx context.Context, c *release.Cluster, truth catalogue.AppTruth, profile string) (s served, err error) {
	apps, err := catalogue.Select([]string{truth.Name})
	if err != nil {
		return s, err
	}
	app := apps[0]
	builder, err := catalogue.Builder()
	if err != nil {
		return s, err
	}
	image, err := app.Built(builder)
	if err != nil {
		return s, err
	}
	if err := c.LoadArchive(ctx, image.Archive, image.Name); err != nil {
		return s, err
	}
	d, err := app.Deployment()
	if err != nil {
		return s, err
	}
	s.outcome, err = workload.Run(ctx, c.Cluster, workload.Workload{
		Namespace:  app.Name,
		Labels:     map[string]string{"caseharden.io/enforce": profile},
		Objects:    app.Objects,
		Deployment: d,
		Checks:     app.Check,
		Patience:   app.Patience(),
		Look: func(_ context.Context, pod *corev1.Pod) error {
			s.kept = len(catalogue.InEffect(&pod.Spec))
			return nil
		},
	})
	return s, err
}

func commit() string {
	text, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
