// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// callTimeout is the largest timeoutSeconds of a webhook: a call that takes longer has
// failed in any cluster. The five seconds that are shipped would be an assertion about
// how busy the machine is.
const callTimeout = 30 * time.Second

// A caller calls the webhook as an API server does: with the transport of Go, which
// API servers have too, and no second try but for what client-go tries again, which is
// an answer 429 (or 5xx, which here is a failure) with Retry-After. A connection that is
// refused or cut is a failed call.
type caller struct {
	client *http.Client
	addr   string
	tally  *tally
}

// newCaller makes a caller of its own connections, of which it keeps so many.
func newCaller(addr string, config *tls.Config, idle int, tally *tally) *caller {
	http2 := slices.Contains(config.NextProtos, "h2")
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2, MaxIdleConnsPerHost: idle}
	return &caller{&http.Client{Transport: transport}, addr, tally}
}

// call sends a good review and counts what becomes of it.
func (c *caller) call(r *review) {
	uid := fmt.Sprintf("%016x", rand.Uint64())
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	begun := time.Now()
	err := c.try(ctx, r, uid)
	c.tally.called(r, time.Since(begun), err)
}

func (c *caller) try(ctx context.Context, r *review, uid string) error {
	const maxRetries = 10 // of client-go
	for retries := 0; ; retries++ {
		code, header, answer, err := c.send(ctx, http.MethodPost, r.path, "application/json", r.body(uid))
		if err != nil {
			return err
		}
		if code == http.StatusTooManyRequests && retries < maxRetries {
			c.tally.did(c.tally.sheds, strings.TrimSpace(string(answer)), nil)
			seconds, err := strconv.Atoi(header.Get("Retry-After"))
			if err != nil {
				return errors.New("429 without Retry-After")
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(seconds) * time.Second):
			}
			continue
		}
		if code != http.StatusOK {
			return fmt.Errorf("%d %.200s", code, answer)
		}
		return r.check(uid, answer, rand.IntN(20) == 0)
	}
}

func (c *caller) send(ctx context.Context, method, path, contentType string, body []byte) (int, http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+c.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, answer, err
}

// A choice picks reviews by their weights.
type choice []*review

func newChoice(reviews []*review) choice {
	var all choice
	for _, r := range reviews {
		all = append(all, slices.Repeat([]*review{r}, r.weight)...)
	}
	return all
}

func (c choice) next() *review { return c[rand.IntN(len(c))] }

// A tally is what became of everything that was sent.
type tally struct {
	mu       sync.Mutex // guards the following
	good     int
	sheds    map[string]int // answers 429, by their sentence
	kinds    map[string]int
	took     []time.Duration // by good call
	bad      map[string]int  // by what was sent
	events   map[string]int  // restarts, reloads
	failures []string
	failed   int
}

func newTally() *tally {
	return &tally{kinds: map[string]int{}, sheds: map[string]int{}, bad: map[string]int{}, events: map[string]int{}}
}

func (t *tally) called(r *review, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.fail(fmt.Errorf("a good review (%s) failed after %s: %w", r.name, took.Round(time.Millisecond), err))
		return
	}
	t.good++
	t.kinds[r.name]++
	t.took = append(t.took, took)
}

// did counts something that is no good review, or that it went wrong.
func (t *tally) did(counts map[string]int, what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.fail(fmt.Errorf("%s: %w", what, err))
		return
	}
	counts[what]++
}

// fail is for a caller that holds t.mu.
func (t *tally) fail(err error) {
	const most = 20 // that say the same, mostly
	if t.failed++; t.failed <= most {
		t.failures = append(t.failures, time.Now().Format("15:04:05.000 ")+err.Error())
	}
}

// reset begins again, but keeps what has failed.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.good, t.took = 0, nil
	clear(t.sheds)
	clear(t.kinds)
	clear(t.bad)
	clear(t.events)
}

// percentile is of the good calls; t.took must be sorted.
func (t *tally) percentile(p float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	return t.took[int(p*float64(len(t.took)-1))]
}

// list writes counts in the order of their names.
func list(counts map[string]int) string {
	var text bytes.Buffer
	for i, name := range slices.Sorted(maps.Keys(counts)) {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%d %s", counts[name], name)
	}
	return text.String()
}
