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

	// Between two checks is a tenth of the time since the first, within these bounds: a
	// start is known that well, and one that is slow is not made slower.
	minPollInterval, maxPollInterval = time.Millisecond, 20 * time.Millisecond
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
	for began := time.Now(); ; {
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
		case <-time.After(min(max(time.Since(began)/10, minPollInterval), maxPollInterval)):
		case <-ctx.Done():
			if p.Exited() {
				continue // to the error above, which tells more
			}
			return fmt.Errorf("%w: %w", ctx.Err(), p.Failed("not ready: "+notReady.Error()))
		}
	}
}
