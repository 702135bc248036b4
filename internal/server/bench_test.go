// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/reviewtest"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkHandler measures a review as a whole, from its body to its answer, with
// metrics and a log line, and without the network. Each has a goroutine of its own, as
// net/http gives it: the growth of its stack counts.
func BenchmarkHandler(b *testing.B) {
	profiles, err := profile.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, review := range reviewtest.Kinds(b) {
		h := NewHandler(profiles, NewMetrics(prometheus.NewRegistry(), profiles, 3), logger)
		b.Run(review.Name, func(b *testing.B) {
			b.SetBytes(int64(len(review.Body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/enforce/hardened", bytes.NewReader(review.Body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.ServeHTTP(w, r)
				}()
				<-done
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
