// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// maxBodyBytes bounds one review. The API server takes objects of up to 3 MiB,
	// and a review holds at most two of them, and its envelope.
	maxBodyBytes = 7 << 20

	// firstBodyBytes of a body are part of what any request takes. Most pods fit.
	firstBodyBytes = 32 << 10

	// largeBodyTimeout is how long the rest of a larger body may take. API servers take
	// milliseconds, and do not wait for longer.
	largeBodyTimeout = 5 * time.Second

	// discardTimeout is how long a body is read for which there is no room.
	discardTimeout = time.Second
)

// Buffers are used again: fresh memory comes from the kernel page by page, which takes
// longer than deciding on the pod. Only bodies that were counted get a large buffer.
var (
	firstBuffers = sync.Pool{New: func() any { return new([firstBodyBytes]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([]byte) }}
)

// readBody returns the whole body. The caller must call release, and not use data
// afterwards.
func (l *limiter) readBody(w http.ResponseWriter, r *http.Request) (data []byte, release func(), err error) {
	if r.ContentLength > maxBodyBytes {
		return nil, nil, tooLarge()
	}
	first := firstBuffers.Get().(*[firstBodyBytes]byte)
	defer func() {
		if release == nil {
			firstBuffers.Put(first)
		}
	}()
	n, ended, err := fill(r.Body, first[:])
	switch {
	case err != nil:
		return nil, nil, err
	case ended && n == 0:
		return nil, nil, failf(http.StatusBadRequest, "the body is empty: it must be an AdmissionReview")
	case ended:
		return first[:n], func() { firstBuffers.Put(first) }, nil
	}
	large, release, err := l.readLarge(w, r, first[:])
	if err == nil {
		firstBuffers.Put(first)
	}
	return large, release, err
}

// readLarge returns a body whose first bytes have come. It takes room for all of it at
// once: for the announced length, or for the most that is allowed.
func (l *limiter) readLarge(w http.ResponseWriter, r *http.Request, first []byte) (data []byte, release func(), err error) {
	length := r.ContentLength
	if length < 0 {
		length = maxBodyBytes
	}
	control := http.NewResponseController(w)
	releaseRoom, err := l.hold(length, "its body")
	if err != nil {
		// Over HTTP/1.1 net/http closes a connection on which more than 256 KiB are still to
		// come. The client would find it reset instead of reading the answer, and an API
		// server tries again after an answer only.
		if r.ProtoMajor == 1 {
			_ = control.SetReadDeadline(time.Now().Add(discardTimeout))
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return nil, nil, err
	}
	// If no deadline can be set, the server's own timeout ends the reading.
	_ = control.SetReadDeadline(time.Now().Add(largeBodyTimeout))
	buffer := largeBuffers.Get().(*[]byte)
	// One more byte shows the end, or the excess. A buffer that is much larger would be in
	// memory without being counted.
	if have := int64(cap(*buffer)); have <= length || have > 2*length {
		*buffer = make([]byte, length+1)
	}
	data = (*buffer)[:length+1]
	copy(data, first)
	more, ended, err := fill(r.Body, data[len(first):])
	if err == nil && !ended {
		err = tooLarge()
	}
	if err != nil {
		largeBuffers.Put(buffer)
		releaseRoom()
		return nil, nil, err
	}
	_ = control.SetReadDeadline(time.Time{}) // a deadline that passes later would cancel the request
	return data[:len(first)+more], func() { largeBuffers.Put(buffer); releaseRoom() }, nil
}

// fill reads until the buffer is full or the body has ended.
func fill(body io.Reader, buffer []byte) (n int, ended bool, err error) {
	for n < len(buffer) {
		m, err := body.Read(buffer[n:])
		n += m
		switch {
		case errors.Is(err, io.EOF):
			return n, true, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return n, false, failf(http.StatusRequestTimeout, "the body did not arrive in time")
		case err != nil:
			return n, false, failf(http.StatusBadRequest, "the body ended early: %s", err)
		}
	}
	return n, false, nil
}

func tooLarge() error {
	return failf(http.StatusRequestEntityTooLarge, "the body is over %d MiB", maxBodyBytes>>20)
}
