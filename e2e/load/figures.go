// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// figures are what a process says of itself.
type figures struct {
	goroutines, files int
	heap              int64 // bytes that are left after a collection
	resident          int64 // bytes
	panics            int
	collections       int
}

func readFigures(ctx context.Context, w *webhook.Webhook) (figures, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.MetricsAddr+"/metrics", nil)
	if err != nil {
		return figures{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return figures{}, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return figures{}, fmt.Errorf("/metrics: %w", err)
	}
	value := func(name string) float64 {
		family := families[name]
		if family == nil {
			err = fmt.Errorf("/metrics: no %s", name)
			return 0
		}
		m := family.Metric[0]
		return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetSummary().GetSampleCount())
	}
	f := figures{
		goroutines: int(value("go_goroutines")),
		files:      int(value("process_open_fds")),
		// With GOGC=100 the next collection comes when as much has been added as was
		// left after the last.
		heap:        int64(value("go_memstats_next_gc_bytes")) / 2,
		resident:    int64(value("process_resident_memory_bytes")),
		panics:      int(value("caseharden_panics_total")),
		collections: int(value("go_gc_duration_seconds")),
	}
	return f, err
}

// How much the figures at rest may differ between two readings.
const (
	// The two listeners, the certificate's ticker and the runtime are always the same.
	// One scrape more may be under way, with its connection: two goroutines each.
	goroutineTolerance = 4
	fileTolerance      = 2

	// What is in use after a collection depends on the reviews of that moment, on
	// caches, such as encoders for each type, and on the buffers that are kept for the
	// next bodies: 8 MiB at most. 10 MiB are 17 bytes a review in two
	// minutes of 5,000 a second, so that what keeps anything of each review is seen.
	heapTolerance = (2 + 8) << 20

	// The runtime gives pages back to the kernel slowly, and keeps a tenth more than the
	// next collection needs, which depends on how many large reviews were under way
	// together. 32 MiB are 55 bytes a review in two minutes of 5,000 a second, so that
	// what keeps anything of each review outside the heap is seen.
	residentTolerance = 32 << 20
)

// compare returns what has grown.
func (f figures) compare(later figures) (grown []string) {
	for _, g := range []struct {
		what                string
		from, to, tolerance int64
	}{
		{"goroutines", int64(f.goroutines), int64(later.goroutines), goroutineTolerance},
		{"open files", int64(f.files), int64(later.files), fileTolerance},
		{"bytes of heap", f.heap, later.heap, heapTolerance},
		{"resident bytes", f.resident, later.resident, residentTolerance},
	} {
		if g.to > g.from+g.tolerance {
			grown = append(grown, fmt.Sprintf("%d %s became %d: at most %d more are right", g.from, g.what, g.to, g.tolerance))
		}
	}
	return grown
}

// atRest reads the figures when the clients are gone and garbage has been collected,
// for which reviews are sent: an idle process collects every two minutes. It waits for
// connections to be over as long as the longest timeout of one.
func atRest(ctx context.Context, w *webhook.Webhook, atMost *figures, send func()) (figures, error) {
	const longestTimeout = 15 * time.Second
	end := time.Now().Add(2 * longestTimeout)
	before, err := readFigures(ctx, w)
	if err != nil {
		return figures{}, err
	}
	for {
		send()
		now, err := readFigures(ctx, w)
		if err != nil {
			return figures{}, err
		}
		settled := now.collections >= before.collections+3
		if atMost != nil {
			settled = settled && atMost.compare(now) == nil
		}
		if settled || time.Now().After(end) {
			return now, nil
		}
	}
}
