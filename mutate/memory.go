// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/caseharden/caseharden/defaults"
)

// Memory is bounded in four stages, so that no number of clients, and no body,
// can exhaust it. A review waits for its turn (turns.go) and then for its share, but
// never for what clients can hold back: bodies that they do not send, and answers
// that they do not take. What does not wait is answered 429 at once, which an API
// server tries again after a second: client-go does so with any answer 429 that has
// Retry-After (checkWait of k8s.io/client-go/rest), up to ten times, within the
// timeoutSeconds of the webhook.
//
//	bodies     as they are received                  see body.go
//	decoding   what the decoder makes of a body      decodingBytes
//	answering  the decisions, the patch, the answer  answeringBytes
//	writing    an answer that is not small, until
//	           its client has taken it               its length
//
// Together they are 224 MiB, for those who mean harm. 64 reviews of 1 MiB at a time, each
// larger than any pod in practice, are 32 MiB of bodies at most, one that is decoded, at
// some 6 MiB, and what the heap was before; the garbage collector lets that double. It is
// under 96 MiB resident in all, which e2e/soak holds it to.
const (
	maxBodiesBytes    = 32 << 20 // also what may wait: see soon
	maxDecodingBytes  = 96 << 20
	maxAnsweringBytes = 64 << 20
	maxWritingBytes   = 32 << 20

	// A small answer, such as one for a pod of ten containers, never waits for
	// those that nobody takes: it is part of what any request takes.
	smallAnswerBytes = 16 << 10

	// maxWait is how long a review may wait in all, from when its body is whole: so that
	// a 429 comes in time for a second try, within the five timeoutSeconds that we ship.
	maxWait = 2 * time.Second

	// What a part of a body takes when it is decoded, at most: a container that is only
	// "{}", of which 288 bytes were measured while the list of them grows; an annotation;
	// a capability. What no decision depends on takes nothing, but is not told apart.
	objectBytes  = 288
	memberBytes  = 112
	elementBytes = 40
	copiesOfBody = 3 // of the strings in it

	// containerBytes is what a container that is only "{}" takes in the answer, and
	// defaultBytes what each default for it takes as a decision, in the patch and in
	// the answer, besides its value. For the six of hardened that is 16 KiB in all.
	containerBytes = 4 << 10
	defaultBytes   = 1700

	// mountBytes is what a mount takes besides its path and its container's name.
	mountBytes = 4 << 10

	// textBytes is what one byte of a name takes, at most. A control character is six
	// bytes in JSON and seven where that is a string in JSON again, and it is in the
	// record, in the patch, in the patch as base64 and in the answer.
	textBytes = 50
)

// wait is how long a review may wait: as long as its client does, and until a time.
type wait struct {
	client context.Context
	until  time.Time
}

// context is for those who do wait, which is almost nobody: a context with a deadline has
// a timer, and costs as much as a decision.
func (w wait) context() (context.Context, context.CancelFunc) {
	return context.WithDeadline(w.client, w.until)
}

// stage is the memory of one of the stages.
type stage struct {
	max      int64
	weighted *semaphore.Weighted
}

func newStage(max int64) stage { return stage{max, semaphore.NewWeighted(max)} }

// take waits until there is memory for the bytes. The caller must call release.
func (s stage) take(w wait, bytes int64, what string) (release func(), err error) {
	if bytes > s.max {
		return nil, failf(http.StatusRequestEntityTooLarge, "%s would take %d MiB of memory, and may take %d", what, (bytes+1<<20-1)>>20, s.max>>20)
	}
	if !s.weighted.TryAcquire(bytes) {
		ctx, cancel := w.context()
		defer cancel()
		if s.weighted.Acquire(ctx, bytes) != nil {
			return nil, busy("no memory for " + what + " in time")
		}
	}
	return func() { s.weighted.Release(bytes) }, nil
}

// takeAtOnce does not wait. The caller must call release.
func (s stage) takeAtOnce(bytes int64) (release func(), err error) {
	if !s.weighted.TryAcquire(bytes) {
		return nil, busy("no room for its answer, while others are not taken")
	}
	return func() { s.weighted.Release(bytes) }, nil
}

func busy(what string) error {
	return failf(http.StatusTooManyRequests, "too many reviews at once: %s: try again", what)
}

// decodingBytes estimates what decoding a body takes, by the objects, members and
// elements in it. What stands in strings is none, but to tell it apart takes a look at
// each byte, for which only few bodies give reason.
func decodingBytes(body []byte) int64 {
	const fewInParallel = maxDecodingBytes / 4
	estimate := func(objects, members, commas int) int64 {
		return int64(objects)*objectBytes + int64(members)*memberBytes + int64(commas)*elementBytes + int64(len(body))*copiesOfBody
	}
	size := estimate(bytes.Count(body, []byte("{")), bytes.Count(body, []byte(":")), bytes.Count(body, []byte(",")))
	if size <= fewInParallel {
		return size
	}
	return estimate(countJSON(body))
}

// countJSON counts the objects, members and commas of a JSON text.
func countJSON(text []byte) (objects, members, commas int) {
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++ // what it escapes ends nothing
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			objects++
		case c == ':':
			members++
		case c == ',':
			commas++
		}
	}
	return objects, members, commas
}

// answeringBytes estimates what deciding and answering takes.
func answeringBytes(req *request, scope scope, cost profileCost) int64 {
	text := len(req.UID) + len(req.Namespace)
	if pod := scope.pod; pod != nil {
		text += len(pod.Annotations[InjectedAnnotation])
	}
	for _, c := range scope.containers {
		text += len(c.Name)
	}
	total := int64(len(scope.containers))*(containerBytes+cost.container) + int64(text)*textBytes
	if scope.wholePod {
		total += cost.pod
	}
	return total
}

// A profileCost is what a profile adds to an answer, at most.
type profileCost struct{ container, pod int64 } // bytes, for each container, and once

// costOf estimates what a profile adds: of each field one default, the dearest that
// it or an exception may give; and its writable paths, each a mount in the patch.
func costOf(profile *defaults.Profile) profileCost {
	var cost profileCost
	for _, w := range profile.WritablePaths {
		cost.container += mountBytes + int64(len(w.Path))*textBytes
	}
	for _, f := range defaults.Fields() {
		cost.container += dearest(f, profile.Container, profile.Exceptions)
		cost.pod += dearest(f, profile.Pod, leavesOf(profile.Exceptions))
	}
	return cost
}

// leavesOf returns what exceptions do at pod level: they have no other values there.
func leavesOf(exceptions []defaults.Exception) []defaults.Exception {
	var leaves []defaults.Exception
	for _, e := range exceptions {
		leaves = append(leaves, defaults.Exception{Leave: e.Leave, Reason: e.Reason})
	}
	return leaves
}

// dearest returns what the default for a field takes, at most; 0 where there is none.
func dearest(f *defaults.Field, all []defaults.Default, exceptions []defaults.Exception) int64 {
	own, found := textOf(f, all)
	most := own
	for _, e := range exceptions {
		if slices.Contains(e.Leave, f) {
			most = max(most, own+len(e.Reason))
		}
		if other, given := textOf(f, e.Container); given {
			most, found = max(most, other+len(e.Reason)), true
		}
	}
	if !found {
		return 0
	}
	return defaultBytes + int64(most)*textBytes
}

// textOf returns the length of the value that the field has among the defaults.
func textOf(f *defaults.Field, all []defaults.Default) (length int, found bool) {
	for _, d := range all {
		if d.Field == f {
			return len(d.Value.JSON), true
		}
	}
	return 0, false
}
