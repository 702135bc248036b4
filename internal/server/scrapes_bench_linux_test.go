// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// BenchmarkScrapes is a crowd of ten that scrapes without a pause, with all the series that
// there can be: what it takes of the CPU, and how long a scrape waits.
func BenchmarkScrapes(b *testing.B) {
	profiles, err := profile.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	reviews := NewHandler(profiles, NewMetrics(registry, profiles, 1000), slog.New(slog.DiscardHandler))
	for i := range 1000 {
		for _, mode := range []string{"enforce", "warn", "audit"} {
			review := strings.ReplaceAll(string(marshalReview(b, create(barePod))), `"shop"`, fmt.Sprintf("%q", fmt.Sprint("namespace-", i)))
			request := httptest.NewRequest(http.MethodPost, "/"+mode+"/hardened", strings.NewReader(review))
			request.Header.Set("Content-Type", "application/json")
			reviews.ServeHTTP(httptest.NewRecorder(), request)
		}
	}
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	for name, handler := range map[string]http.Handler{"each by itself": metrics, "shared": newScrapes(metrics)} {
		b.Run(name, func(b *testing.B) {
			before, begin := cpu(b), time.Now()
			var size int
			var crowd sync.WaitGroup
			turns := make(chan struct{})
			for range 10 {
				crowd.Go(func() {
					for range turns {
						recorder := httptest.NewRecorder()
						handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
					}
				})
			}
			for b.Loop() {
				turns <- struct{}{}
			}
			close(turns)
			crowd.Wait()
			took := time.Since(begin)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			size = recorder.Body.Len()
			b.ReportMetric(float64((cpu(b)-before).Milliseconds())/took.Seconds(), "cpu-ms/s")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// cpu is what the process has taken.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
