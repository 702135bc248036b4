// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"fmt"
	"time"
)

const (
	// readyTimeout is far over the seconds that a start takes, for a machine that
	// is busy with other builds and tests.
	readyTimeout = 90 * time.Second

	// pollInterval is short, as each start waits for half of it on average.
	pollInterval = 20 * time.Millisecond
)

// WaitReady calls check until it returns nil. It gives up when the process ends,
// the context does, or readyTimeout is over; the error quotes the log.
func (p *Process) WaitReady(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	// A stranger on the same port may take a connection and never answer.
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		notReady := check(ctx)
		// First of all: the stranger may also have answered.
		if p.Exited() {
			return p.Failed("ended before it was ready: " + p.Outcome())
		}
		if notReady == nil {
			return nil
		}
		select {
		case <-p.done:
		case <-time.After(pollInterval):
		case <-ctx.Done():
			if p.Exited() {
				continue // to the error above, which tells more
			}
			return fmt.Errorf("%w: %w", ctx.Err(), p.Failed("not ready: "+notReady.Error()))
		}
	}
}
