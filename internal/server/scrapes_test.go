// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd shares answers, each of which was begun after the request. The series are written
// by one at a time, for a twentieth of the time.
func TestScrapesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy time.Duration
		var inFlight atomic.Int32
		begin := time.Now()
		s := newScrapes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if inFlight.Add(1) > 1 {
				t.Error("the series are written twice at a time")
			}
			begun := time.Since(begin)
			time.Sleep(25 * time.Millisecond)
			inFlight.Add(-1)
			busy += 25 * time.Millisecond
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintf(w, "%d %s %s", begun, r.Header.Get("Accept-Encoding"), r.URL.Query().Get("name[]"))
		}))
		var crowd sync.WaitGroup
		for i := range 50 {
			crowd.Go(func() {
				for range 20 {
					request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
					want := ""
					if i%2 == 0 {
						want = "gzip"
						request.Header.Set("Accept-Encoding", "deflate, gzip;q=1.0")
					}
					came := time.Since(begin)
					recorder := httptest.NewRecorder()
					s.ServeHTTP(recorder, request)
					var begun int64
					var encoding string
					fmt.Sscan(recorder.Body.String(), &begun, &encoding)
					if recorder.Code != http.StatusOK || recorder.Header().Get("Content-Type") != "text/plain" || encoding != want {
						t.Errorf("answer = %d %v %q", recorder.Code, recorder.Header(), recorder.Body)
					}
					if time.Duration(begun) < came {
						t.Errorf("the answer is of %s, and the request came at %s", time.Duration(begun), came)
					}
					if waited := time.Since(begin) - came; waited > 3*20*25*time.Millisecond {
						t.Errorf("waited for %s", waited)
					}
				}
			})
		}
		crowd.Wait()
		if took := time.Since(begin); busy > took/20+25*time.Millisecond {
			t.Errorf("of %s the series were written for %s", took, busy)
		}
	})
}

// A client that asks for some series gets these. A panic is answered with 500.
func TestScrapesOfNames(t *testing.T) {
	s := newScrapes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "panic" {
			panic("it was asked to")
		}
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.URL.Query()["name[]"])
	}))
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics?panic", nil))
	if recorder.Code != http.StatusInternalServerError {
		t.Errorf("after a panic: answer = %d", recorder.Code)
	}
	for query, want := range map[string]string{"": "[]", "?name[]=a&name[]=b": "[a b]"} {
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics"+query, nil))
		if recorder.Code != http.StatusTeapot || recorder.Body.String() != want {
			t.Errorf("%q: answer = %d %q, want %q", query, recorder.Code, recorder.Body, want)
		}
	}
}
