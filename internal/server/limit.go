// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// The memory that reviews take at most, whatever clients send.
const (
	// heldBytes is for what clients can hold back: large bodies that they do not finish,
	// and large answers that they do not read. A request never waits for this room: it
	// gets 429 when there is none.
	heldBytes = 32 << 20

	// smallBytes is for the small reviews that are worked on at a time. A typical review
	// weighs about 1 MiB.
	smallBytes = 48 << 20

	// maxSmallBytes is the weight up to which a review is small.
	maxSmallBytes = 8 << 20

	// largeBytes is for one large review. Large reviews are worked on one after the other,
	// and small reviews do not wait for them. A review that needs more gets 413.
	largeBytes = 128 << 20

	// smallAnswerBytes is the size up to which an answer is part of what any request takes.
	// Answers that nobody reads are no reason to refuse such a review.
	smallAnswerBytes = 16 << 10

	// maxWait is how long a review waits until it can begin. Then it gets 429. An API server
	// tries again after a second: client-go does so with any answer 429 that has Retry-After
	// (checkWait in k8s.io/client-go/rest), up to ten times, within the timeoutSeconds of the
	// webhook. The chart sets 5 s.
	maxWait = 2 * time.Second
)

// MaxMemory is how many bytes a replica uses at most, whatever clients send. The chart and
// the documents go by it. It does not count garbage: until the collector runs, the process
// may take twice as much.
const MaxMemory = heldBytes + smallBytes + largeBytes + maxRequests*requestBytes + maxConnections*connectionBytes + heapFloor

const (
	requestBytes    = firstBodyBytes + 50<<10 // the first bytes of the body, a stack, a header and a buffer
	connectionBytes = 100 << 10
)

// A limiter bounds the memory of reviews. A small review takes its weight out of
// smallBytes. A large review takes the only seat that there is for large ones.
type limiter struct {
	held, small, large *semaphore.Weighted

	perContainer map[*defaults.Profile]int64 // bytes that a profile adds to an answer for each container
}

func newLimiter(profiles []*defaults.Profile) *limiter {
	l := &limiter{
		held:         semaphore.NewWeighted(heldBytes),
		small:        semaphore.NewWeighted(smallBytes),
		large:        semaphore.NewWeighted(1),
		perContainer: map[*defaults.Profile]int64{},
	}
	for _, p := range profiles {
		l.perContainer[p] = perContainer(p)
	}
	return l
}

// hold takes room for what a client can hold back. The caller must call release.
func (l *limiter) hold(bytes int64, what string) (release func(), err error) {
	if !l.held.TryAcquire(bytes) {
		return nil, busy("no room for " + what)
	}
	return func() { l.held.Release(bytes) }, nil
}

// holdAnswer takes room for an answer that a client may not read. The caller must call
// release.
func (l *limiter) holdAnswer(bytes int64) (release func(), err error) {
	switch {
	case bytes <= smallAnswerBytes:
		return func() {}, nil
	case bytes > heldBytes: // there would never be room
		return nil, failf(http.StatusRequestEntityTooLarge, "the answer has %d MiB, and may have %d: a Pod must have fewer containers", bytes>>20, heldBytes>>20)
	}
	return l.hold(bytes, "its answer, as other clients do not read theirs")
}

// begin waits until a review can be worked on. The caller must call end.
func (l *limiter) begin(ctx context.Context, profile *defaults.Profile, body []byte) (end func(), err error) {
	seat, weight := l.small, l.weightOf(profile, body)
	if weight > maxSmallBytes {
		if decoded := decodedBytes(body); decoded > largeBytes {
			return nil, tooMuch(decoded)
		}
		seat, weight = l.large, 1
	}
	if !seat.TryAcquire(weight) {
		ctx, cancel := context.WithTimeout(ctx, maxWait)
		defer cancel()
		if seat.Acquire(ctx, weight) != nil {
			return nil, busy("it could not begin in time")
		}
	}
	return func() { seat.Release(weight) }, nil
}

// fits returns an error if the answer to a review would take too much.
func (l *limiter) fits(profile *defaults.Profile, review *mutate.Review) error {
	if answer := l.answerBytes(profile, review); answer > largeBytes {
		return tooMuch(answer)
	}
	return nil
}

func tooMuch(bytes int64) error {
	return failf(http.StatusRequestEntityTooLarge, "the review would take %d MiB of memory, and may take %d: a Pod must have fewer containers",
		(bytes+1<<20-1)>>20, largeBytes>>20)
}

func busy(what string) error {
	return failf(http.StatusTooManyRequests, "too many reviews at once: %s: try again", what)
}
