// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxScrapeAge is how old the answer to a scrape may be. Prometheus asks every 15 seconds or
// so.
const maxScrapeAge = time.Second

// scrapes is a handler in front of the handler of the metrics, which takes 25 ms for all
// the series that there can be. It keeps each answer, plain and compressed, for maxScrapeAge,
// so that a crowd takes no more CPU than one client. It ignores the query.
type scrapes struct {
	metrics http.Handler

	mu      sync.Mutex       // guards the following, and is held while an answer is written
	answers map[bool]*scrape // by whether it is compressed
}

func newScrapes(metrics http.Handler) *scrapes {
	return &scrapes{metrics: metrics, answers: map[bool]*scrape{}}
}

// A scrape is one answer. As an [http.ResponseWriter] it takes what the handler of the
// metrics writes.
type scrape struct {
	made   time.Time
	code   int
	header http.Header
	body   bytes.Buffer
}

func (s *scrape) Header() http.Header            { return s.header }
func (s *scrape) WriteHeader(code int)           { s.code = code }
func (s *scrape) Write(text []byte) (int, error) { return s.body.Write(text) }

func (s *scrapes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := s.answer(strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"))
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.code)
	_, _ = w.Write(answer.body.Bytes()) // the client may be gone
}

// answer returns an answer that is no older than maxScrapeAge.
func (s *scrapes) answer(compressed bool) *scrape {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.answers[compressed]; a != nil && time.Since(a.made) < maxScrapeAge {
		return a
	}
	request := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	if compressed {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	a := &scrape{made: time.Now(), code: http.StatusOK, header: http.Header{}}
	s.metrics.ServeHTTP(a, request)
	s.answers[compressed] = a
	return a
}
