// SPDX-License-Identifier: Apache-2.0

// Command versions runs the tests that need an API server on other versions of Kubernetes:
//
//	go run ./versions --record=../docs/versions.md 1.30 1.32 next
//
// It builds kube-apiserver of the newest patch release of each minor version, where next is
// the newest version of all, also before its release. It runs the tests of the packages below
// against it. The table at the end says what passed, and the record keeps it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/semver"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// suites are what has to pass on each supported version.
var suites = []struct{ name, pkg, run string }{
	{"modes, conflicts, corpus, debug containers", "./api", "."},
	{"chart and install.yaml, label and account guards", "./chart", "TestRenderedIsAccepted|TestGuard|TestAccountForges|TestInstall"},
	{"three rotations under load", "./rotation", "TestRotationsUnderLoad"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file := flag.String("record", "", "write the results into the table of this `file`")
	flag.Parse()
	if err := run(ctx, *file, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, minors []string) error {
	if len(minors) == 0 {
		return errors.New("no version given: give minor versions, such as 1.30 1.32")
	}
	date, commit, err := today(ctx)
	if err != nil && file != "" {
		return err
	}
	releases, err := newest(ctx, minors)
	if err != nil {
		return err
	}
	var errs []error
	var table strings.Builder
	var recorded [][]string
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "KUBERNETES\tTESTS\tRESULT\tTOOK")
	for _, release := range releases {
		assets, remove, err := assetsOf(ctx, release)
		if err != nil {
			return err
		}
		for _, s := range suites {
			fmt.Fprintf(os.Stderr, "%s: %s\n", release, s.name)
			begun := time.Now()
			counts, err := test(ctx, assets, s.pkg, s.run)
			result := counts.String()
			if err != nil {
				result = "FAILED"
				errs = append(errs, fmt.Errorf("%s: %s: %w", release, s.name, err))
			}
			fmt.Fprintf(rows, "%s\t%s\t%s\t%s\n", release, s.name, result, time.Since(begun).Round(time.Second))
			recorded = append(recorded, []string{release, s.name, result, date, commit})
		}
		remove()
	}
	_ = rows.Flush() // into memory
	_, err = io.WriteString(os.Stdout, table.String())
	errs = append(errs, err)
	if file != "" && ctx.Err() == nil {
		errs = append(errs, record(file, recorded))
	}
	return errors.Join(errs...)
}

// newest returns the version of Kubernetes to test for each argument.
func newest(ctx context.Context, minors []string) ([]string, error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return nil, err
	}
	out, err := gobuild.Output(ctx, module, "list", "-m", "-versions", "k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	return pick(strings.Fields(out)[1:], minors)
}

// pick returns the newest release of each minor version, and for next the newest version.
func pick(versions, minors []string) (picked []string, err error) {
	newest := map[string]string{}
	for _, v := range versions {
		kinds := []string{"next"}
		if semver.Prerelease(v) == "" {
			kinds = append(kinds, semver.MajorMinor(v))
		}
		for _, kind := range kinds {
			if semver.Compare(v, newest[kind]) > 0 {
				newest[kind] = v
			}
		}
	}
	for _, minor := range minors {
		key := minor
		if minor != "next" {
			key = "v" + strings.TrimPrefix(minor, "v")
		}
		v, found := newest[key]
		if !found {
			return nil, fmt.Errorf("version %q: Kubernetes has no such minor version: give one such as 1.30, or next", minor)
		}
		picked = append(picked, v)
	}
	return slices.Compact(picked), nil
}

// assetsOf returns a directory with the API server of a release, and the etcd and kubectl
// of all other tests. The caller must call remove.
func assetsOf(ctx context.Context, release string) (dir string, remove func(), err error) {
	server, err := controlplane.BuildAPIServer(ctx, os.Stderr, release)
	if err != nil {
		return "", nil, err
	}
	ours, err := controlplane.Build(ctx, os.Stderr, "")
	if err != nil {
		return "", nil, err
	}
	kubectl, err := controlplane.BuildKubectl(ctx, os.Stderr)
	if err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp("", "versions-"); err != nil {
		return "", nil, err
	}
	for name, program := range map[string]string{"kube-apiserver": server, "etcd": ours.Etcd, "kubectl": kubectl} {
		err = errors.Join(err, os.Symlink(program, filepath.Join(dir, name)))
	}
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// A count is how many tests passed, and how many were skipped as the version lacks what they need.
type count struct{ passed, skipped int }

func (c count) String() string {
	if c.skipped == 0 {
		return fmt.Sprintf("%d passed", c.passed)
	}
	return fmt.Sprintf("%d passed, %d skipped", c.passed, c.skipped)
}

// test runs the tests of a package on the programs in a directory.
func test(ctx context.Context, assets, pkg, run string) (c count, err error) {
	module, err := gobuild.ModuleDir()
	if err != nil {
		return c, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-v", "-count=1", "-timeout=30m", "-run", run, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "KUBEBUILDER_ASSETS="+assets)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return c, err
	}
	if err := cmd.Start(); err != nil {
		return c, err
	}
	lines := bufio.NewReader(stdout)
	for err == nil {
		var line string
		line, err = lines.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "--- PASS: "):
			c.passed++
		case strings.HasPrefix(line, "--- SKIP: "):
			c.skipped++
		}
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(os.Stderr, line)
		}
	}
	return c, cmd.Wait()
}

// output returns what a command prints, and nothing if it fails.
func output(ctx context.Context, dir, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
