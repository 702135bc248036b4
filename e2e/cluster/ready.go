// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// readyTimeout is far over the seconds that a start takes, for a machine that
	// is busy with other builds and tests.
	readyTimeout = 90 * time.Second

	// pollInterval is short, as each start waits for half of it on average.
	pollInterval = 50 * time.Millisecond
)

// waitReady calls check until it returns nil. It gives up when the process
// ends, the context does, or readyTimeout is over; the error quotes the log, and
// is an errPortTaken if that was the reason.
func (p *process) waitReady(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		notReady := check(ctx)
		// Before its answer is believed: it may have come from a stranger on the
		// same port.
		if p.exited() {
			err := p.failed("ended before it was ready: " + p.outcome())
			if portTaken(p.logTail()) {
				return fmt.Errorf("%w: %w", errPortTaken, err)
			}
			return err
		}
		if notReady == nil {
			return nil
		}
		select {
		case <-p.done:
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), p.failed("not ready: "+notReady.Error()))
		}
	}
}

// getOK gets url and returns an error unless the answer is 200.
func getOK(ctx context.Context, client *http.Client, url string) error {
	// An attempt that hangs must not use up the time of all.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.500s", url, response.Status, body)
	}
	return nil
}
