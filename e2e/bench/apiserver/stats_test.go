// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []float64
		want   Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3}},
		{"odd, in disorder", []float64{5, 1, 4, 2, 3}, Spread{2, 3, 4}},
		{"even", []float64{4, 3, 2, 1}, Spread{1.75, 2.5, 3.25}},
		{"negative", []float64{-1, 1}, Spread{-0.5, 0, 0.5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, spreadOf(tt.values)); diff != "" {
				t.Errorf("spread (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSummary holds that what is added, and the ratios, are those within a round: here the
// machine becomes twice as slow from one round to the next.
func TestSummary(t *testing.T) {
	const ms = time.Millisecond
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
			{Name: None, P50: Spread{5, 6, 7}, P99: Spread{5, 6, 7}, APIServerCPU: Spread{1.25, 1.5, 1.75}},
			{
				Name: Limit, P50: Spread{6.25, 7.5, 8.75}, P99: Spread{6.25, 7.5, 8.75},
				AddedP50: Spread{1.25, 1.5, 1.75}, AddedP99: Spread{1.25, 1.5, 1.75},
				APIServerCPU: Spread{2.5, 3, 3.5}, AddedAPIServerCPU: Spread{1.25, 1.5, 1.75},
				WebhookCPU: Spread{1.25, 1.5, 1.75},
			},
			{
				Name: Caseharden, P50: Spread{7.5, 9, 10.5}, P99: Spread{7.5, 9, 10.5},
				AddedP50: Spread{2.5, 3, 3.5}, AddedP99: Spread{2.5, 3, 3.5},
				APIServerCPU: Spread{3.75, 4.5, 5.25}, AddedAPIServerCPU: Spread{2.5, 3, 3.5},
				WebhookCPU: Spread{2.5, 3, 3.5},
			},
		},
		Ratios: []Ratio{{Of: Caseharden, To: Limit, Added: Spread{2, 2, 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
