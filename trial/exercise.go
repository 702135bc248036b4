// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/caseharden/caseharden/trial/watch"
)

// measure makes what the control did known to the copies beside it, once it is ready.
// If copies are exercised, it is known once the control serves: how long that takes is the
// measure for the others.
func (t *Trial) measure(ctx context.Context, seen *watch.Seen, r request) {
	name := r.copy.Name
	if t.control == nil || seen.Ready.IsZero() || t.controlName != name {
		return
	}
	if _, known := t.control.get(); known {
		return
	}
	if r.rules.Exercised && !r.rules.Finishes {
		if !t.exercise(ctx, name).Passed {
			return
		}
		seen.Served = time.Since(seen.Since)
	}
	t.fetch(ctx, seen, name)
	t.control.is(watch.BaselineOf(*seen))
}

// exercise runs the command, or makes the request, that exercises a copy.
func (t *Trial) exercise(ctx context.Context, name string) *watch.Exercise {
	const timeout = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if len(t.Options.Exec) > 0 {
		what := "--exec " + strings.Join(t.Options.Exec, " ")
		code, output, err := t.Cluster.Exec(ctx, name, t.plan.Main().Name, t.Options.Exec)
		return verdictOf(what, code == 0, fmt.Sprintf("exit code %d", code), output, err)
	}
	what := "GET " + t.Options.HTTP
	status, body, err := t.Cluster.Get(ctx, name, t.port(), t.Options.HTTP)
	return verdictOf(what, status >= 200 && status < 400, fmt.Sprintf("status %d", status), body, err)
}

func verdictOf(what string, passed bool, came, output string, err error) *watch.Exercise {
	if err != nil {
		return &watch.Exercise{What: fmt.Sprintf("%s: %s", what, err)}
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" && !passed {
		came += ": " + last
	}
	return &watch.Exercise{Passed: passed, What: what + ": " + came}
}
