// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
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

	// smallAnswerBytes is the size up to which an answer is part of what any request takes,
	// so that it never waits for answers that nobody reads.
	smallAnswerBytes = 16 << 10

	// maxWait is how long a review waits until it can begin. Then it gets 429. An API server
	// tries again after a second: client-go does so with any answer 429 that has Retry-After
	// (checkWait in k8s.io/client-go/rest), up to ten times, within the timeoutSeconds of the
	// webhook. The chart sets 5 s.
	maxWait = 2 * time.Second
)

// MaxMemory is what a replica keeps in memory at most, whatever clients send. The chart and
// the documents go by it. Until the garbage collector runs, there may be twice as much.
const MaxMemory = heldBytes + smallBytes + largeBytes + maxRequests*requestBytes + maxConnections*connectionBytes + heapFloor

const (
	requestBytes    = firstBodyBytes + 50<<10 // the first bytes of the body, a stack, a header and a buffer
	connectionBytes = 100 << 10
)

// What the parts of a review take at most. They were measured with the smallest parts: an
// object that is only "{}", a member such as an annotation, an element such as a capability.
const (
	objectBytes  = 288
	memberBytes  = 112
	elementBytes = 40
	copiesOfBody = 3 // of the strings in it

	// In the answer: a container, a default for it, and a mount.
	containerBytes = 4 << 10
	defaultBytes   = 1700
	mountBytes     = 4 << 10

	// repeatedBytes is what one byte of a name takes. A control character is six bytes in
	// JSON and seven in a JSON string in JSON, and a name is in the record, in the patch,
	// in the patch as base64 and in the answer.
	repeatedBytes = 50
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

// perContainer returns how many bytes a profile adds to an answer for each container, at
// most: each field once, with the longest value and the longest reason of an exception.
func perContainer(p *defaults.Profile) int64 {
	longest := map[*defaults.Field]int{}
	note := func(all []defaults.Default, reason string) {
		for _, d := range all {
			longest[d.Field] = max(longest[d.Field], len(d.Value.JSON)+len(reason))
		}
	}
	note(p.Container, "")
	note(p.Pod, "")
	for _, e := range p.Exceptions {
		note(e.Container, e.Reason)
		for _, f := range e.Leave {
			longest[f] = max(longest[f], len(e.Reason))
		}
	}
	total := int64(containerBytes)
	for _, n := range longest {
		total += defaultBytes + int64(n)*repeatedBytes
	}
	// A container has the paths of the profile, and those of one exception.
	mounts := func(paths []defaults.WritablePath) (bytes int64) {
		for _, w := range paths {
			bytes += mountBytes + int64(len(w.Path))*repeatedBytes
		}
		return bytes
	}
	most := int64(0)
	for _, e := range p.Exceptions {
		most = max(most, mounts(e.WritablePaths))
	}
	return total + mounts(p.WritablePaths) + most
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
	objects := int64(bytes.Count(body, []byte("{"))) // at least as many as containers
	seat, weight := l.small, int64(len(body))*repeatedBytes+objects*(objectBytes+l.perContainer[profile])
	if weight > maxSmallBytes {
		if decoded := decodedBytes(body, objects); decoded > largeBytes {
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

// decodedBytes returns what a body takes once it is decoded. It also counts what stands in
// strings: to tell that apart would take longer than to decode.
func decodedBytes(body []byte, objects int64) int64 {
	members, elements := int64(bytes.Count(body, []byte(":"))), int64(bytes.Count(body, []byte(",")))
	return objects*objectBytes + members*memberBytes + elements*elementBytes + int64(len(body))*copiesOfBody
}

// fits returns an error if the answer to a review would take too much.
func (l *limiter) fits(profile *defaults.Profile, review *mutate.Review) error {
	parts := int64(len(review.Containers())) + 1 // the pod is like one more container
	if answer := parts*l.perContainer[profile] + int64(review.RepeatedBytes())*repeatedBytes; answer > largeBytes {
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
