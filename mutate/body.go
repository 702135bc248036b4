// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"container/list"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// maxBodyBytes bounds one review. The API server takes objects of up to 3 MiB,
	// and a review holds at most two of them, and its envelope.
	maxBodyBytes = 7 << 20

	// firstBodyBytes is the buffer that a body starts with; most pods fit in it.
	firstBodyBytes = 16 << 10

	// bodyGrowth is how many times larger the next buffer is.
	bodyGrowth = 4

	// forSmallBytes of maxBodiesBytes are for first buffers only, so that large bodies
	// do not crowd out small ones: 500 of them.
	forSmallBytes = 8 << 20

	// stalledAfter is when a body that is still not whole has to make room for
	// others. Those of API servers take milliseconds.
	stalledAfter = time.Second
)

// checkContentType accepts plain JSON, which is what API servers send.
func checkContentType(header http.Header) error {
	const reviews = "application/json"
	if contentType := header.Get("Content-Type"); contentType != reviews {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != reviews {
			return failf(http.StatusUnsupportedMediaType, "content type %q is not supported: reviews are application/json", contentType)
		}
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return failf(http.StatusUnsupportedMediaType, "content encoding %q is not supported: reviews are sent as they are", encoding)
	}
	return nil
}

// bodies receives request bodies and bounds the memory that they take together.
// Memory is taken as the bytes arrive and not as a client announces them. Where
// there is none left, the bodies that have been stalled for longest are dropped;
// if none is, the one that asks has to try again, and what it still sends is read and
// forgotten. Of what announces more than there is left, none is kept.
type bodies struct {
	mu        sync.Mutex // guards the following, and what is in receiving
	free      int64      // bytes
	receiving *list.List // of *upload, the oldest first

	buffers buffers
}

func newBodies() *bodies { return &bodies{free: maxBodiesBytes, receiving: list.New()} }

// An upload is a body that is being received, or has been.
type upload struct {
	from    *bodies
	since   time.Time
	hangUp  func()        // makes a Read that waits for the client return
	bytes   int64         // taken of from.free
	data    []byte        // what has come
	element *list.Element // in from.receiving; nil once it is whole or dropped
	dropped bool
}

// read returns the whole body. The caller must call release.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (data []byte, release func(), err error) {
	if r.ContentLength > maxBodyBytes {
		return nil, nil, tooLarge()
	}
	u := b.start(func() {
		// If it cannot be done, the server's own timeout ends the Read.
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})
	if r.ContentLength > firstBodyBytes && !b.hasRoom(r.ContentLength+1) {
		err = busy("no room for its body")
	} else {
		err = u.receive(r)
	}
	if err == nil {
		err = u.whole()
	}
	if err != nil {
		u.release()
		if asFailure(err).code == http.StatusTooManyRequests {
			// Over HTTP/1.1 net/http closes a connection on which more than 256 KiB are
			// still to come, and a client that is slow to read the answer finds it reset
			// instead. An API server tries again after an answer only. If no deadline can
			// be set, the server's own timeout ends it.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(stalledAfter))
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return nil, nil, err
	}
	return u.data, u.release, nil
}

// hasRoom says whether there is room to receive a body of so many bytes, or it may be made.
// It is not taken: where the body does not come, it is for others.
func (b *bodies) hasRoom(bytes int64) bool {
	most, size := int64(0), int64(0)
	for size < bytes {
		next := nextBuffer(size, bytes)
		most, size = max(most, size+next), next
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free >= most+forSmallBytes || b.longestStalled(nil) != nil
}

// nextBuffer returns the size of the buffer that follows one of a size, 0 for the first, of
// a body that has so many bytes at most. While one is copied to the next both are there.
func nextBuffer(size, most int64) int64 {
	return bufferSize(min(max(firstBodyBytes, bodyGrowth*size), most))
}

func (b *bodies) start(hangUp func()) *upload {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := &upload{from: b, since: time.Now(), hangUp: hangUp}
	u.element = b.receiving.PushBack(u)
	return u
}

// receive reads into u.data, which grows when it is full.
func (u *upload) receive(r *http.Request) error {
	// One byte more than is announced or allowed shows the end, or the excess.
	most := int64(maxBodyBytes + 1)
	if r.ContentLength >= 0 {
		most = r.ContentLength + 1
	}
	for {
		if len(u.data) == cap(u.data) || int64(len(u.data)) == most {
			if int64(len(u.data)) == most {
				return failf(http.StatusBadRequest, "the body is longer than its Content-Length")
			}
			full := u.data
			size := nextBuffer(int64(cap(full)), most)
			if err := u.take(size); err != nil {
				return err
			}
			u.data = append(u.from.buffers.get(size), full...)
			u.giveBack(int64(cap(full)))
			u.from.buffers.put(full)
		}
		n, err := r.Body.Read(u.data[len(u.data):min(int64(cap(u.data)), most)])
		u.data = u.data[:len(u.data)+n]
		if len(u.data) > maxBodyBytes {
			return tooLarge()
		}
		switch {
		case errors.Is(err, io.EOF) && len(u.data) == 0:
			return failf(http.StatusBadRequest, "the body is empty: it must be an AdmissionReview")
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return tooSlow()
		case err != nil:
			return failf(http.StatusBadRequest, "the body ended early: %s", err)
		}
	}
}

// take must be called before the memory is used.
func (u *upload) take(bytes int64) error {
	b := u.from
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.dropped {
		return tooSlow()
	}
	for b.free < bytes+u.mustLeave() {
		stalled := b.longestStalled(u)
		if stalled == nil {
			return busy("no room for its body")
		}
		stalled.drop()
	}
	b.free -= bytes
	u.bytes += bytes
	return nil
}

// mustLeave is what a body may not take, for those after it: a large one leaves a part to
// small ones.
func (u *upload) mustLeave() int64 {
	if u.bytes == 0 {
		return 0
	}
	return forSmallBytes
}

// longestStalled returns the oldest of the bodies that are stalled, but for the
// one that asks; nil if there is none. The caller must hold b.mu.
func (b *bodies) longestStalled(asks *upload) *upload {
	for e := b.receiving.Front(); e != nil; e = e.Next() {
		u := e.Value.(*upload)
		if time.Since(u.since) < stalledAfter {
			return nil
		}
		if u != asks {
			return u
		}
	}
	return nil
}

// drop gives back the memory of a body whose client does not send it. The caller
// must hold b.mu, also because hangUp may only be called while the request is
// being read.
func (u *upload) drop() {
	u.dropped = true
	u.from.receiving.Remove(u.element)
	u.element = nil
	u.from.free += u.bytes
	u.bytes = 0
	u.hangUp()
}

// whole must be called when all of the body has been received. From then on it
// can no longer be dropped.
func (u *upload) whole() error {
	b := u.from
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.dropped {
		return tooSlow()
	}
	b.receiving.Remove(u.element)
	u.element = nil
	return nil
}

func (u *upload) giveBack(bytes int64) {
	b := u.from
	b.mu.Lock()
	defer b.mu.Unlock()
	if !u.dropped {
		b.free += bytes
		u.bytes -= bytes
	}
}

// release gives all of the memory back. It may be called at any time, but once; from then
// on the data must not be used.
func (u *upload) release() {
	b := u.from
	b.buffers.put(u.data)
	u.data = nil
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.element != nil {
		b.receiving.Remove(u.element)
		u.element = nil
	}
	b.free += u.bytes
	u.bytes = 0
}

func tooLarge() error {
	return failf(http.StatusRequestEntityTooLarge, "the body is over %d MiB", maxBodyBytes>>20)
}

func tooSlow() error {
	return failf(http.StatusRequestTimeout, "the body did not arrive in time")
}
