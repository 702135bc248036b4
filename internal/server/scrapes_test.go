// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd has the series written once a second in each encoding, whatever it asks for, and
// each client gets an answer that is no older, in its encoding.
func TestScrapesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := 0
		begin := time.Now()
		s := newScrapes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			written++
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%d %s", time.Since(begin), r.Header.Get("Accept-Encoding"))
		}))
		const seconds = 10
		var crowd sync.WaitGroup
		for i := range 50 {
			crowd.Go(func() {
				for n := 0; time.Since(begin) < seconds*time.Second; n++ {
					request := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/metrics?name[]=%d-%d", i, n), nil)
					want := ""
					if i%2 == 0 {
						want = "gzip"
						request.Header.Set("Accept-Encoding", "deflate, gzip;q=1.0")
					}
					recorder := httptest.NewRecorder()
					s.ServeHTTP(recorder, request)
					var made int64
					var encoding string
					fmt.Sscan(recorder.Body.String(), &made, &encoding)
					if recorder.Code != http.StatusTeapot || recorder.Header().Get("Content-Type") != "text/plain" || encoding != want {
						t.Errorf("answer = %d %v %q, want the encoding %q", recorder.Code, recorder.Header(), recorder.Body, want)
					}
					if age := time.Since(begin) - time.Duration(made); age >= maxScrapeAge {
						t.Errorf("the answer is %s old", age)
					}
					time.Sleep(70 * time.Millisecond)
				}
			})
		}
		crowd.Wait()
		if written > 2*seconds {
			t.Errorf("in %d seconds the series were written %d times", seconds, written)
		}
	})
}
