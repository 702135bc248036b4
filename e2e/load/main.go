// SPDX-License-Identifier: Apache-2.0

// Command soak puts the compiled product under all the load that the machine can make,
// good and bad, for as long as it is told, and reports whether a good review failed or
// anything grew. Two replicas run behind a balancer, as behind a Service; the second is
// ended and started again and again, the first is the one whose figures are compared.
//
// Each good review is checked: that its answer is its own, and that a patch is where one
// must be. The exit code is 0 only if all of them were answered so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// shortest is long enough for all that happens meanwhile to happen.
const shortest = 10 * time.Second

func main() {
	length := 2 * time.Minute
	flag.Func("for", "how long to measure, after a warm-up of a fifth of that (default 2m)", func(value string) (err error) {
		if length, err = time.ParseDuration(value); err != nil {
			return errors.New("must be a duration, such as 2m (with make: SOAK=2m)")
		}
		return nil
	})
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "soak: %q: there are flags only\n", flag.Arg(0))
		os.Exit(2)
	}
	if length < shortest {
		fmt.Fprintf(os.Stderr, "soak: %s is too short: it takes %s for restarts and new certificates to be in it\n", length, shortest)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	atRest := context.AfterFunc(ctx, func() { fmt.Fprintln(os.Stderr, "soak: stopping, once what has begun is answered") })
	defer atRest()
	if err := soak(ctx, length, os.Getenv("CORPUS"), os.Stdout); err != nil {
		code := 1
		// What it has found until then is not to be lost.
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			err, code = errors.New("interrupted"), 130
		}
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(code)
	}
}
