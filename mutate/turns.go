// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// largeBodyBytes is above nearly all pods: 5 kB are typical, and etcd stores none of
	// more than 1.5 MiB. One of this size is answered within a millisecond or two.
	largeBodyBytes = 128 << 10

	// turnsPerProcessor keeps the processors busy while some log.
	turnsPerProcessor = 2

	// largeTurns is how many large reviews there are among them. One after the other
	// they leave a processor to small ones, and take memory once.
	largeTurns = 1

	// soon is the longest that others may have waited for a review to join the line. It is
	// more than all that can be in line takes on one processor: maxBodiesBytes of large
	// reviews, or the server's 1000 requests: either is some 200 ms. So it is reached only where
	// there is less processor than that, and all would be late if all were let in.
	soon = 500 * time.Millisecond
)

// turns lets only a few reviews be worked on at a time, since more at once would all end
// later, and take memory meanwhile. The others stand in two lines, so that small ones
// never wait for more than one large one.
type turns struct {
	all, large line
}

func newTurns() *turns {
	return &turns{all: newLine(turnsPerProcessor * runtime.GOMAXPROCS(0)), large: newLine(largeTurns)}
}

// take waits for a turn for a body of so many bytes, but for no longer than the context
// lasts, and not at all if there is none to be expected soon. The caller must call
// release.
func (t *turns) take(w wait, bytes int) (release func(), err error) {
	if bytes > largeBodyBytes {
		if err := t.large.take(w); err != nil {
			return nil, err
		}
	}
	leaveLarge := func() {
		if bytes > largeBodyBytes {
			t.large.leave()
		}
	}
	if err := t.all.take(w); err != nil {
		leaveLarge()
		return nil, err
	}
	return func() { t.all.leave(); leaveLarge() }, nil
}

// A line is first come, first served.
type line struct {
	places chan struct{}
	waited *atomic.Int64 // nanoseconds, by the last one that came to its turn
}

func newLine(places int) line { return line{make(chan struct{}, places), new(atomic.Int64)} }

func (l line) take(w wait) error {
	select {
	case l.places <- struct{}{}:
		l.waited.Store(0)
		return nil
	default:
	}
	// What the last one has waited is what the next one has to expect.
	if time.Duration(l.waited.Load()) > soon {
		return busy("no turn soon")
	}
	ctx, cancel := w.context()
	defer cancel()
	begun := time.Now()
	select {
	case l.places <- struct{}{}:
		l.waited.Store(int64(time.Since(begun)))
		return nil
	case <-ctx.Done():
		return busy("no turn in time")
	}
}

func (l line) leave() { <-l.places }
