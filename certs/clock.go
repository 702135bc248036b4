// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clockTolerance is the largest difference between two clocks that is ignored. It is far
// more than the time that an answer takes, and far less than backdate.
const clockTolerance = time.Minute

// A clock compares the clock of the API server with the clock of this machine. Each
// answer of the API server has the time in its header Date.
type clock struct {
	ahead atomic.Int64 // a time.Duration: how far the API server's clock is ahead
}

// Ahead returns how far the API server's clock is ahead of ours, by its last answer. It
// returns 0 for a difference within [clockTolerance].
func (c *clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// wrap returns a transport that passes requests on to next and looks at the answers.
func (c *clock) wrap(next http.RoundTripper) http.RoundTripper { return &timedTransport{c, next} }

type timedTransport struct {
	clock *clock
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *timedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := time.Now()
	response, err := t.next.RoundTrip(request)
	if err == nil {
		t.clock.compare(sent, time.Now(), response.Header.Get("Date"))
	}
	return response, err
}

// compare notes the difference between the clocks. It ignores an answer without a date,
// and an answer during which our clock was set or the machine was suspended.
func (c *clock) compare(sent, received time.Time, date string) {
	sent, received = sent.Round(0), received.Round(0) // the time on the wall
	told, err := http.ParseTime(date)
	if err != nil || received.Sub(sent).Abs() > clockTolerance {
		return
	}
	ahead := told.Sub(received)
	if ahead.Abs() <= clockTolerance {
		ahead = 0
	}
	c.ahead.Store(int64(ahead))
}
