// SPDX-License-Identifier: Apache-2.0

// Command bench measures how fast Caseharden is, next to a webhook that gives the same
// answers as constants, to the same in the API server's own policy engine, and to the same
// in controller-runtime. It prints a table, and writes all of it as JSON and as a picture
// if asked to.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/caseharden/caseharden/e2e/bench/report"
)

// What --only may be.
const (
	onlyDirect    = "direct"
	onlyAPIServer = "apiserver"
	onlyPolicies  = "policies"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx); {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	only := flag.String("only", "", "`part`: direct: reviews straight at the webhooks; apiserver: what admission adds to the creation of a pod; "+
		"policies: the same, of the formulations of the policy (default direct and apiserver)")
	rounds := 0
	flag.Func("rounds", "how often each is measured (default: so that all takes about five minutes)", func(value string) (err error) {
		if rounds, err = strconv.Atoi(value); err != nil || rounds < 1 {
			return errors.New("must be a whole number from 1")
		}
		return nil
	})
	from := flag.String("from", "", "measure nothing, and show what is in this JSON `file`")
	toJSON := flag.String("json", "", "write all that was measured to this `file`")
	toSVG := flag.String("svg", "", "draw it to this `file`")
	flag.Parse()

	if flag.NArg() > 0 {
		return fmt.Errorf("%q: there are flags only", flag.Arg(0))
	}
	if parts := []string{"", onlyDirect, onlyAPIServer, onlyPolicies}; !slices.Contains(parts, *only) {
		return fmt.Errorf("--only %q: must be one of %s", *only, strings.Join(parts[1:], ", "))
	}
	if *from != "" && (*only != "" || rounds > 0) {
		return errors.New("--from shows all that is in the file: leave out --only and --rounds")
	}
	empty := ""
	flag.Visit(func(f *flag.Flag) {
		if value, ok := f.Value.(flag.Getter); ok && value.Get() == "" {
			empty = f.Name
		}
	})
	if empty != "" {
		return fmt.Errorf(`--%s "": must not be empty`, empty)
	}
	if *toJSON != "" && *toJSON == *toSVG {
		return fmt.Errorf("--json and --svg are both %s: choose another file for one of them", *toJSON)
	}
	// Before minutes are spent on what cannot be kept.
	for _, file := range []string{*toJSON, *toSVG} {
		if err := checkWritable(file); err != nil {
			return err
		}
	}
	var (
		result *report.Report
		err    error
	)
	if *from != "" {
		result, err = report.Load(*from)
	} else {
		result, err = measure(ctx, *only, rounds)
	}
	if err != nil {
		return err
	}
	// One is not lost where the other cannot be written, such as to a pipe that is closed.
	return errors.Join(save(result, *toJSON, *toSVG), result.Write(os.Stdout))
}

// save writes the files, of which each may be "".
func save(result *report.Report, toJSON, toSVG string) error {
	if toJSON != "" {
		if err := result.Save(toJSON); err != nil {
			return err
		}
	}
	if toSVG == "" {
		return nil
	}
	var svg bytes.Buffer
	if err := result.DrawSVG(&svg); err != nil {
		return err
	}
	return os.WriteFile(toSVG, svg.Bytes(), 0o644)
}

// checkWritable returns an error if the file cannot be written. It stays as it is, or away;
// "" is no file.
func checkWritable(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		return errors.Join(f.Close(), os.Remove(file))
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	if f, err = os.OpenFile(file, os.O_WRONLY, 0); err != nil {
		return err
	}
	return f.Close()
}
