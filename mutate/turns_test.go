// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// mustTake takes a turn at once.
func mustTake(t *testing.T, turns *turns, bytes int) (release func()) {
	t.Helper()
	start := time.Now()
	release, err := turns.take(wait{t.Context(), time.Now().Add(maxWait)}, bytes)
	if err != nil || time.Since(start) != 0 {
		t.Fatalf("no turn for %d bytes: %v, after %s", bytes, err, time.Since(start))
	}
	return release
}

// However many large reviews wait, small ones have their turn.
func TestLargeReviewsLeaveTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		endLarge := mustTake(t, turns, largeBodyBytes+1)
		ended := make(chan struct{})
		for range 10 {
			go func() {
				if end, err := turns.take(wait{context.Background(), time.Now().Add(maxWait)}, largeBodyBytes+1); err == nil {
					end()
				}
				ended <- struct{}{}
			}()
		}
		synctest.Wait() // they stand in line
		for range turnsPerProcessor {
			mustTake(t, turns, largeBodyBytes)()
		}
		endLarge()
		for range 10 {
			<-ended
		}
		if len(turns.all.places)+len(turns.large.places) > 0 {
			t.Error("a turn has not ended")
		}
	})
}

// A review for which there is no turn soon is told to come again, and at once: others
// have waited too long already. It is let in as soon as there is a turn.
func TestNoWaitInALongLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t)
		var ends []func()
		for range cap(w.turns.all.places) {
			ends = append(ends, mustTake(t, w.turns, 0))
		}
		inLine := make(chan func())
		go func() {
			end, err := w.turns.take(wait{context.Background(), time.Now().Add(maxWait)}, 0)
			if err != nil {
				t.Error(err)
			}
			inLine <- end
		}()
		time.Sleep(soon + 1)
		ends[0]()
		ends[0] = <-inLine // which has waited too long

		body := marshalReview(t, create(barePod))
		start := time.Now()
		recorder := w.post("/enforce/hardened", bytes.NewReader(body))
		if recorder.Code != http.StatusTooManyRequests || recorder.Header().Get("Retry-After") != "1" || time.Since(start) != 0 {
			t.Errorf("a newcomer: %d, Retry-After %q, after %s; want 429, 1, at once", recorder.Code, recorder.Header().Get("Retry-After"), time.Since(start))
		}
		ends[0]()
		w.review(t, "/enforce/hardened", create(barePod))
		for _, end := range ends[1:] {
			end()
		}
		w.mustHoldNothing(t)
	})
}

// A large body for which there is no room is refused, and read all the same, so that its
// connection can go on; small ones find the room that is kept for them.
func TestLargeBodiesLeaveRoom(t *testing.T) {
	w := newWebhook(t)
	u := w.bodies.start(func() {})
	if err := u.take(maxBodiesBytes - forSmallBytes); err != nil {
		t.Fatal(err)
	}
	large := create(`{"metadata":{"name":"` + strings.Repeat("x", firstBodyBytes) + `"},"spec":{"containers":[]}}`)
	body := bytes.NewReader(marshalReview(t, large))
	request := httptest.NewRequest(http.MethodPost, "/enforce/hardened", body)
	request.Header.Set("Content-Type", "application/json")
	request.ContentLength = int64(body.Len())
	recorder := httptest.NewRecorder()
	if w.ServeHTTP(recorder, request); recorder.Code != http.StatusTooManyRequests || body.Len() > 0 {
		t.Errorf("a large body: %d, %d bytes were not read; want 429 and 0", recorder.Code, body.Len())
	}
	w.review(t, "/enforce/hardened", create(barePod))
	u.release()
	w.mustHoldNothing(t)
}

// What is let in finds room to the end, if nobody else comes; of what is not, nothing is kept.
func TestRoomIsThereToTheEnd(t *testing.T) {
	refused, received := 0, 0
	for _, size := range []int64{firstBodyBytes, 100_000, 1 << 20, 1_053_280, 3 << 20, maxBodyBytes} {
		for held := int64(0); held <= maxBodiesBytes; held += 1 << 20 {
			b := newBodies()
			others := b.start(func() {})
			if err := others.take(held); err != nil {
				t.Fatal(err)
			}
			room := b.hasRoom(size + 1)
			request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, size)))
			data, release, err := b.read(httptest.NewRecorder(), request)
			switch {
			case err == nil && int64(len(data)) == size:
				received++
				release()
			case size > firstBodyBytes && room:
				t.Errorf("%d bytes, beside %d: let in, and then: %v", size, held, err)
			case asFailure(err).code != http.StatusTooManyRequests:
				t.Error(err)
			case size > firstBodyBytes && b.buffers.idleBytes > 0:
				t.Errorf("%d bytes, beside %d: refused when there were %d of it", size, held, b.buffers.idleBytes)
			default:
				refused++
			}
			others.release()
			if b.free != maxBodiesBytes {
				t.Fatalf("%d bytes, beside %d: %d are free, want all", size, held, b.free)
			}
		}
	}
	if refused == 0 || received == 0 {
		t.Errorf("%d refused, %d received: want some of each", refused, received)
	}
}
