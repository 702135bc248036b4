// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"sync/atomic"
)

const (
	// maxBodyBytes bounds one review. The API server takes objects of up to 3 MiB,
	// and a review holds at most two of them, and its envelope.
	maxBodyBytes = 7 << 20

	// maxBodiesBytes bounds what all the bodies in memory may take together, so
	// that no number of clients can exhaust it.
	maxBodiesBytes = 64 << 20

	// firstBodyBytes is the buffer that a body starts with; most pods fit in it.
	firstBodyBytes = 16 << 10
)

// checkContentType accepts plain JSON, which is what API servers send.
func checkContentType(header http.Header) *failure {
	contentType := header.Get("Content-Type")
	if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
		return failf(http.StatusUnsupportedMediaType, "content type %q is not supported: reviews are application/json", contentType)
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return failf(http.StatusUnsupportedMediaType, "content encoding %q is not supported: reviews are sent as they are", encoding)
	}
	return nil
}

// bodies reads request bodies, and knows how much memory they take.
type bodies struct {
	free atomic.Int64 // bytes
}

func newBodies() *bodies {
	b := &bodies{}
	b.free.Store(maxBodiesBytes)
	return b
}

// read returns the whole body. The caller must call done when it no longer needs
// it. Memory is taken as the bytes arrive and not as a client announces them.
func (b *bodies) read(r *http.Request) (body []byte, done func(), err error) {
	if r.ContentLength > maxBodyBytes {
		return nil, nil, tooLarge()
	}
	var buf []byte
	free := func() { b.free.Add(int64(cap(buf))) }
	defer func() {
		if err != nil {
			free()
		}
	}()
	// One byte more than is announced or allowed shows the end, or the excess.
	most := int64(maxBodyBytes + 1)
	if r.ContentLength >= 0 {
		most = r.ContentLength + 1
	}
	for {
		if len(buf) == cap(buf) {
			size := min(max(firstBodyBytes, 2*int64(cap(buf))), most)
			if b.free.Add(-size) < 0 {
				b.free.Add(size)
				return nil, nil, failf(http.StatusTooManyRequests, "too many reviews at once: try again")
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			b.free.Add(int64(cap(buf)))
			buf = grown
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > maxBodyBytes {
			return nil, nil, tooLarge()
		}
		switch {
		case errors.Is(err, io.EOF) && len(buf) == 0:
			return nil, nil, failf(http.StatusBadRequest, "the body is empty: it must be an AdmissionReview")
		case errors.Is(err, io.EOF):
			return buf, free, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, nil, failf(http.StatusRequestTimeout, "the body did not arrive in time")
		case err != nil:
			return nil, nil, failf(http.StatusBadRequest, "the body ended early: %s", err)
		}
	}
}

func tooLarge() *failure {
	return failf(http.StatusRequestEntityTooLarge, "the body is over %d MiB", maxBodyBytes>>20)
}
