// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// one is the spread of a single round.
func one(v float64) stats.Spread {
	return stats.Spread{LowerQuartile: v, Median: v, UpperQuartile: v}
}

// A report of round numbers: of a byte or a container, ten times as large reviews take
// the same.
func sample() *Report {
	kind := func(name string, bytes, containers int, limit, own, other float64) direct.Kind {
		return direct.Kind{Name: name, Bytes: bytes, Containers: containers, Servers: []direct.Server{
			{Name: direct.Limit, CPU: one(limit), ToLimit: one(1), ToCaseharden: one(limit / own)},
			{Name: direct.Caseharden, CPU: one(own), ToLimit: one(own / limit), ToCaseharden: one(1)},
			{Name: direct.ControllerRuntime, CPU: one(other), ToLimit: one(other / limit), ToCaseharden: one(other / own)},
		}}
	}
	return &Report{
		Direct: &direct.Result{
			Clients: 8, Rounds: 1,
			Kinds: []direct.Kind{
				kind("typical", 5_000, 1, 100, 130, 910),
				kind("100 kB", 100_000, 1, 1000, 1600, 16_000),
				kind("1 MiB", 1_000_000, 1, 10_000, 16_000, 160_000),
				kind("30 containers", 80_000, 30, 1000, 1500, 9000),
				kind("300 containers", 800_000, 300, 10_000, 15_000, 150_000),
			},
			Idle: []direct.Idle{
				{Name: direct.Limit, Start: one(30), Memory: one(10)},
				{Name: direct.Caseharden, Start: one(299), Memory: one(41)},
				{Name: direct.ControllerRuntime, Start: one(80), Memory: one(20)},
			},
		},
		APIServer: &apiserver.Result{Rounds: 1, Clients: []apiserver.Clients{{
			Clients: 1,
			Contenders: []apiserver.Measurement{
				{Name: apiserver.None, P50: one(3)},
				{Name: apiserver.Caseharden, P50: one(4), AddedP50: one(1), WebhookCPU: one(0.1)},
			},
			Ratios: []apiserver.Ratio{
				{Of: apiserver.Caseharden, To: apiserver.Limit, Added: one(1.1)},
				{Of: apiserver.Caseharden, To: apiserver.Policy, Added: one(0.6)},
				{Of: apiserver.Caseharden, To: apiserver.ControllerRuntime, Added: one(0.1)},
			},
		}}},
	}
}

func TestTargets(t *testing.T) {
	got := map[string]string{}
	for _, target := range sample().Targets() {
		got[target.Name] = target.Bound + ", " + figure(target.Value) + target.Unit + ", " + target.Verdict()
	}
	want := map[string]string{
		"CPU by that of the limit: typical":                               "at most 1.3 ×, 1.30 ×, met",
		"CPU by that of the limit: 100 kB":                                "at most 1.5 ×, 1.60 ×, missed",
		"CPU by that of the limit: 1 MiB":                                 "at most 1.5 ×, 1.60 ×, missed",
		"CPU by that of the limit: 30 containers":                         "at most 1.5 ×, 1.50 ×, met",
		"CPU by that of the limit: 300 containers":                        "at most 1.5 ×, 1.50 ×, met",
		"CPU of controller-runtime by that of Caseharden: typical":        "at least 7 ×, 7.00 ×, met",
		"CPU of controller-runtime by that of Caseharden: 100 kB":         "at least 7 ×, 10.0 ×, met",
		"CPU of controller-runtime by that of Caseharden: 1 MiB":          "at least 7 ×, 10.0 ×, met",
		"CPU of controller-runtime by that of Caseharden: 30 containers":  "at least 7 ×, 6.00 ×, missed",
		"CPU of controller-runtime by that of Caseharden: 300 containers": "at least 7 ×, 10.0 ×, met",
		"CPU for each byte: of 1 MiB by that of 100 kB":                   "at most 1.3 ×, 1.00 ×, met",
		"CPU for each container: of 300 by that of 30":                    "at most 1.3 ×, 1.00 ×, met",
		"start":            "at most 300 ms, 299 ms, met",
		"memory when idle": "at most 40 MiB, 41.0 MiB, missed",
		"latency added, by that of the same patch as a constant: 1 client": "at most 1.1 ×, 1.10 ×, met",
		"latency added, by that of the policy: 1 client":                   "at most 0.5 ×, 0.60 ×, missed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

// TestPartsOfAReport takes what --only measures: there is nothing of the rest, and nothing
// to trip over.
func TestPartsOfAReport(t *testing.T) {
	for _, tt := range []struct {
		name           string
		only           func(*Report)
		want, unwanted string
	}{
		{"direct", func(r *Report) { r.APIServer = nil }, "CPU for each byte", "latency added"},
		{"apiserver", func(r *Report) { r.Direct = nil }, "latency added", "CPU for each byte"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := sample()
			tt.only(r)
			var text, svg bytes.Buffer
			if err := r.Write(&text); err != nil {
				t.Fatal(err)
			}
			if err := r.DrawSVG(&svg); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), tt.want) || strings.Contains(text.String(), tt.unwanted) {
				t.Errorf("want %q in the report, and not %q:\n%s", tt.want, tt.unwanted, text.String())
			}
		})
	}
	if err := (&Report{}).DrawSVG(&bytes.Buffer{}); err == nil {
		t.Error("a picture of nothing was drawn")
	}
}

func TestSaveAndLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	if err := sample().Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestSameReportSamePicture draws twice.
func TestSameReportSamePicture(t *testing.T) {
	var first, second bytes.Buffer
	for _, svg := range []*bytes.Buffer{&first, &second} {
		if err := sample().DrawSVG(svg); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same report was drawn in two ways")
	}
}
