// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
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

	// maxBodiesBytes bounds what all the bodies in memory and what is made of them
	// may take together, so that no number of clients can exhaust it.
	maxBodiesBytes = 64 << 20

	// valueBytes is what one member or element takes when it is decoded, at most:
	// 285 bytes were measured, for the shortest unique names in one object. A body
	// of 7 MiB can hold 2.4 million.
	valueBytes = 288

	// maxContainers is 25 times what the largest pod in the wild has (40), and more
	// than a node can run. A container takes 13 bytes of a review and a thousand
	// times as much of our memory: the decisions, the patch, the answer.
	maxContainers  = 1000
	containerBytes = 16 << 10

	// textBytes is what one byte of a name takes, at most. A "<" is six bytes in
	// JSON and seven where that is a string in JSON again, and it is in the record,
	// in the patch, in the patch as base64, in the answer and in the log.
	textBytes = 50

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

// bodies knows how much memory bodies take, and what is made of them.
type bodies struct {
	free atomic.Int64 // bytes
}

func newBodies() *bodies {
	b := &bodies{}
	b.free.Store(maxBodiesBytes)
	return b
}

// A share is what one request takes of the memory.
type share struct {
	of    *bodies
	bytes int64
}

// grow must be called before the memory is taken.
func (s *share) grow(bytes int64) error {
	if s.of.free.Add(-bytes) < 0 {
		s.of.free.Add(bytes)
		return failf(http.StatusTooManyRequests, "too many reviews at once: try again")
	}
	s.bytes += bytes
	return nil
}

func (s *share) shrinkTo(bytes int64) {
	bytes = min(bytes, s.bytes)
	s.of.free.Add(s.bytes - bytes)
	s.bytes = bytes
}

// growForValues makes room for what the JSON becomes when it is decoded. Each of
// its values is the first of a list or an object, or follows a comma.
func (s *share) growForValues(body []byte) error {
	var values int
	for _, c := range []string{",", "[", "{"} {
		values += bytes.Count(body, []byte(c))
	}
	size := int64(values) * valueBytes
	if size > maxBodiesBytes-maxBodyBytes {
		return failf(http.StatusRequestEntityTooLarge, "the body holds about %d values, which would take too much memory", values)
	}
	return s.grow(size)
}

// growForAnswer makes room for the decisions and for what they are told with.
func (s *share) growForAnswer(req *request, scope scope) error {
	text := len(req.UID) + len(req.Namespace)
	if pod := scope.pod; pod != nil {
		text += len(pod.Annotations[InjectedAnnotation])
	}
	for _, c := range scope.containers {
		text += len(c.Name)
	}
	size := int64(len(scope.containers))*containerBytes + int64(text)*textBytes
	switch {
	case len(scope.containers) > maxContainers:
		return failf(http.StatusRequestEntityTooLarge, "request.object: has %d containers, and a review may have %d", len(scope.containers), maxContainers)
	case size > maxBodiesBytes-maxBodyBytes:
		return failf(http.StatusRequestEntityTooLarge, "request: its names have %d bytes, which would take too much memory", text)
	}
	return s.grow(size)
}

// readBody returns the whole body. Memory is taken as the bytes arrive and not
// as a client announces them.
func readBody(r *http.Request, s *share) ([]byte, error) {
	if r.ContentLength > maxBodyBytes {
		return nil, tooLarge()
	}
	var buf []byte
	// One byte more than is announced or allowed shows the end, or the excess.
	most := int64(maxBodyBytes + 1)
	if r.ContentLength >= 0 {
		most = r.ContentLength + 1
	}
	for {
		if len(buf) == cap(buf) {
			size := min(max(firstBodyBytes, 2*int64(cap(buf))), most)
			if err := s.grow(size); err != nil {
				return nil, err
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			buf = grown
			s.shrinkTo(size)
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > maxBodyBytes {
			return nil, tooLarge()
		}
		switch {
		case errors.Is(err, io.EOF) && len(buf) == 0:
			return nil, failf(http.StatusBadRequest, "the body is empty: it must be an AdmissionReview")
		case errors.Is(err, io.EOF):
			return buf, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, failf(http.StatusRequestTimeout, "the body did not arrive in time")
		case err != nil:
			return nil, failf(http.StatusBadRequest, "the body ended early: %s", err)
		}
	}
}

func tooLarge() *failure {
	return failf(http.StatusRequestEntityTooLarge, "the body is over %d MiB", maxBodyBytes>>20)
}
