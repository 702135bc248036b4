// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// TestSummary holds that what is added, and the ratios, are those within a round: here the
// machine becomes twice as slow from one round to the next.
func TestSummary(t *testing.T) {
	const ms = time.Millisecond
	spread := func(lower, median, upper float64) stats.Spread {
		return stats.Spread{LowerQuartile: lower, Median: median, UpperQuartile: upper}
	}
	sameOf := func(latency, apiServer, webhook time.Duration) measured {
		return measured{latencies: []time.Duration{latency, latency}, apiServer: apiServer, webhook: webhook}
	}
	rounds := []map[string]measured{
		{None: sameOf(4*ms, 2*ms, 0), Limit: sameOf(5*ms, 4*ms, 2*ms), Caseharden: sameOf(6*ms, 6*ms, 4*ms)},
		{None: sameOf(8*ms, 4*ms, 0), Limit: sameOf(10*ms, 8*ms, 4*ms), Caseharden: sameOf(12*ms, 12*ms, 8*ms)},
	}
	got := summarize(1, []string{None, Limit, Caseharden}, rounds)
	want := Clients{
		Clients: 1,
		Contenders: []Measurement{
			{Name: None, P50: spread(5, 6, 7), P99: spread(5, 6, 7), APIServerCPU: spread(1.25, 1.5, 1.75)},
			{
				Name: Limit, P50: spread(6.25, 7.5, 8.75), P99: spread(6.25, 7.5, 8.75),
				AddedP50: spread(1.25, 1.5, 1.75), AddedP99: spread(1.25, 1.5, 1.75),
				APIServerCPU: spread(2.5, 3, 3.5), AddedAPIServerCPU: spread(1.25, 1.5, 1.75),
				WebhookCPU: spread(1.25, 1.5, 1.75),
			},
			{
				Name: Caseharden, P50: spread(7.5, 9, 10.5), P99: spread(7.5, 9, 10.5),
				AddedP50: spread(2.5, 3, 3.5), AddedP99: spread(2.5, 3, 3.5),
				APIServerCPU: spread(3.75, 4.5, 5.25), AddedAPIServerCPU: spread(2.5, 3, 3.5),
				WebhookCPU: spread(2.5, 3, 3.5),
			},
		},
		Ratios: []Ratio{{Of: Caseharden, To: Limit, Added: spread(2, 2, 2)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
