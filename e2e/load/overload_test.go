// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// startReplica starts one, with nothing before it, until the test ends.
func startReplica(t *testing.T) *replica {
	t.Helper()
	binary, err := webhook.Compile(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := newIssuer()
	if err != nil {
		t.Fatal(err)
	}
	r := newReplica(binary, t.TempDir(), issuer)
	if err := r.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Running().Process().Kill)
	return r
}

// caller returns one that speaks HTTP/1.1, as API servers do to a Service.
func (r *replica) caller(t *testing.T, tally *tally) *caller {
	t.Helper()
	const idleOfAPIServers = 25
	c := newCaller(r.Running().Addr, r.issuer.trust("http/1.1"), idleOfAPIServers, tally)
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

func goodReview(t *testing.T, name string) *review {
	t.Helper()
	all, err := goodReviews("")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(r *review) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("no review %q", name)
	}
	return all[i]
}

// A flood is many clients that send the same, without a pause where they get an answer.
type flood struct {
	mu      sync.Mutex // guards the following
	codes   map[int]int
	refused int // connections
	late    int // bodies that came too slowly, and had to make room
	lost    []error
}

func (f *flood) String() string {
	return fmt.Sprintf("%v, %d not connected, %d too slow", f.codes, f.refused, f.late)
}

// flood has clients call until the context ends. Those that are told to come again wait
// a second, as API servers do, for as long as there is one.
func (c *caller) flood(ctx context.Context, all *sync.WaitGroup, clients int, r *review) *flood {
	f := &flood{codes: map[int]int{}}
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				code, accepted, err := c.once(r)
				if f.count(code, accepted, err, r, time.Since(begun)); code != http.StatusOK {
					pause(ctx, time.Second)
				}
			}
		})
	}
	return f
}

// once calls once. What no connection took was not accepted.
func (c *caller) once(r *review) (code int, accepted bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { accepted = true },
		// On a connection that the server has closed meanwhile, Go's transport begins
		// again, so that it is this one that counts.
		GetConn: func(string) { accepted = false },
	})
	code, header, answer, err := c.send(ctx, http.MethodPost, r.path, "application/json", r.body("u"))
	switch {
	case err != nil:
	case code == http.StatusOK:
		err = r.check("u", answer, false)
	case code == http.StatusTooManyRequests && header.Get("Retry-After") != "1":
		err = errors.New("429 without Retry-After")
	case code != http.StatusTooManyRequests:
		err = fmt.Errorf("%d %.200s", code, answer)
	}
	return code, accepted, err
}

// count counts a call. A large body that takes more than a second to come, from a client
// that has to share the machine, has to make room for others.
func (f *flood) count(code int, accepted bool, err error, r *review, took time.Duration) {
	const stalledAfter, large = time.Second, 128 << 10
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		f.codes[code]++
	case accepted && len(r.object) > large && took > stalledAfter:
		f.late++
	case accepted:
		f.lost = append(f.lost, err)
	default:
		f.refused++
	}
}

// answered is how many got what they asked for.
func (f *flood) answered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.codes[http.StatusOK]
}

func (f *flood) mustHaveLostNothing(t *testing.T) {
	t.Helper()
	t.Log(f)
	for _, err := range f.lost[:min(5, len(f.lost))] {
		t.Errorf("lost: %v", err)
	}
	if len(f.lost) > 0 {
		t.Errorf("%d reviews were lost", len(f.lost))
	}
}

// Far more large reviews than it can take at a time: it answers some, may tell others to
// come again, and answers small ones all the while, and as fast as before as soon as it
// is over.
func TestOverload(t *testing.T) {
	r := startReplica(t)
	tally := newTally()
	small := goodReview(t, "small")
	normal := times(t, r.caller(t, tally), small)

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var all sync.WaitGroup
	large := r.caller(t, tally).flood(ctx, &all, 40, goodReview(t, "1 MiB"))
	beside := r.caller(t, tally)
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				beside.call(small)
			}
		})
	}
	all.Wait()
	after := times(t, r.caller(t, tally), small)

	large.mustHaveLostNothing(t)
	if large.codes[http.StatusOK] == 0 {
		t.Errorf("answers: %s, want some 200", large)
	}
	if large.codes[http.StatusTooManyRequests]+large.late == 0 {
		// With the race detector in them, or on a busy machine. That 429 comes at once is
		// tested in internal/server/limit_test.go, without a clock.
		t.Log("the clients were too slow to be too many")
	}
	slices.Sort(tally.took)
	t.Logf("%d small ones beside: p50 %s, p99 %s; %d times 429", tally.good, tally.percentile(.5), tally.percentile(.99), sum(tally.sheds))
	if tally.good == 0 || tally.failed > 0 {
		t.Errorf("small reviews: %d were answered, and %d failed: %q", tally.good, tally.failed, tally.failures)
	}
	// A machine that is busy with something else may delay any of them, and hardly each
	// of twenty in a row. What was still to be done would delay them all.
	t.Logf("before: %s to %s; after: %s to %s", normal[0], normal[len(normal)-1], after[0], after[len(after)-1])
	if most := normal[len(normal)-1] + 100*time.Millisecond; after[0] > most {
		t.Errorf("the fastest of %d reviews afterwards took %s; before, the slowest took %s", len(after), after[0], normal[len(normal)-1])
	}
	if f, err := readFigures(t.Context(), r.Running()); err != nil || f.panics > 0 {
		t.Errorf("%d panics, %v", f.panics, err)
	}
}

// times calls some times in a row and returns how long each took, the shortest first.
func times(t *testing.T, c *caller, r *review) (took []time.Duration) {
	t.Helper()
	for range 20 {
		begun := time.Now()
		if code, _, err := c.once(r); err != nil || code != http.StatusOK {
			t.Errorf("a good review: %d, %v", code, err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}

// More clients than there is processor: each is answered, only later.
func TestManyClients(t *testing.T) {
	r := startReplica(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var all sync.WaitGroup
	f := r.caller(t, newTally()).flood(ctx, &all, 200, goodReview(t, "typical"))
	all.Wait()
	f.mustHaveLostNothing(t)
	if f.codes[http.StatusOK] == 0 || f.refused > 0 {
		t.Errorf("answers: %s", f)
	}
}

// A replica that is told to end while it has more to do than it can answers whatever it
// has accepted.
func TestShutdownUnderLoad(t *testing.T) {
	r := startReplica(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	typical := r.caller(t, newTally()).flood(ctx, &all, 50, goodReview(t, "typical"))
	large := r.caller(t, newTally()).flood(ctx, &all, 50, goodReview(t, "1 MiB"))
	pause(ctx, time.Second)
	if err := r.end(); err != nil {
		t.Error(err)
	}
	cancel()
	all.Wait()
	for _, f := range []*flood{typical, large} {
		f.mustHaveLostNothing(t)
		if f.codes[http.StatusOK] == 0 || f.refused == 0 {
			t.Errorf("%s: want some 200, and some that could not connect in the end", f)
		}
	}
}
