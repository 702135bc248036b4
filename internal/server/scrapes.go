// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// scrapePause bounds the CPU that scrapes take, which anybody can send: after each time
// that the series were written, none are written for this many times as long. That is a
// twentieth of one core.
const scrapePause = 19

// scrapes is a handler in front of that of the metrics. It has the series written by one
// goroutine at a time. Requests for the same that come while one waits to begin get the
// same answer, so that a crowd does not keep Prometheus waiting. An answer is never from
// before its request.
type scrapes struct {
	metrics http.Handler

	mu      sync.Mutex         // guards the following
	waiting map[string]*scrape // that have not begun, by what is asked for

	writing chan time.Time // holds when the pause ends, but while one is in its pause or writes
}

func newScrapes(metrics http.Handler) *scrapes {
	s := &scrapes{metrics: metrics, waiting: map[string]*scrape{}, writing: make(chan time.Time, 1)}
	s.writing <- time.Time{}
	return s
}

// A scrape is one answer. As an [http.ResponseWriter] it takes what the handler of the
// metrics writes.
type scrape struct {
	done   chan struct{} // closed when the following is complete
	code   int
	header http.Header
	body   bytes.Buffer
}

func (s *scrape) Header() http.Header            { return s.header }
func (s *scrape) WriteHeader(code int)           { s.code = code }
func (s *scrape) Write(text []byte) (int, error) { return s.body.Write(text) }

func (s *scrapes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The names that are asked for, and the encoding, in the text format that is the default.
	request := &http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: r.URL.RawQuery}, Header: http.Header{}}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	key := request.Header.Get("Accept-Encoding") + "?" + r.URL.RawQuery

	s.mu.Lock()
	answer := s.waiting[key]
	if answer == nil {
		answer = &scrape{done: make(chan struct{}), code: http.StatusOK, header: http.Header{}}
		s.waiting[key] = answer
		go s.write(key, answer, request)
	}
	s.mu.Unlock()
	select {
	case <-answer.done:
	case <-r.Context().Done():
		return
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.code)
	w.Write(answer.body.Bytes())
}

// write completes an answer, when it is its turn.
func (s *scrapes) write(key string, answer *scrape, request *http.Request) {
	defer close(answer.done)
	time.Sleep(time.Until(<-s.writing))
	s.mu.Lock()
	delete(s.waiting, key) // a request that comes from now on gets another answer
	s.mu.Unlock()
	begin := time.Now()
	defer func() {
		// net/http recovers in its own goroutines only.
		if recover() != nil {
			answer.code = http.StatusInternalServerError
		}
		s.writing <- time.Now().Add(scrapePause * time.Since(begin))
	}()
	s.metrics.ServeHTTP(answer, request)
}
