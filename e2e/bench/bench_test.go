// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
)

func TestOrder(t *testing.T) {
	for n := 1; n <= 6; n++ {
		first, after := map[int]int{}, map[[2]int]int{}
		for round := range 2 * n {
			order := order(round, n)
			first[order[0]]++
			for i := 1; i < n; i++ {
				after[[2]int{order[i-1], order[i]}]++
			}
		}
		for a := range n {
			for b := range n {
				if first[a] != 2 || (a != b && after[[2]int{a, b}] != 2) {
					t.Errorf("of %d, %d is first %d times and %d times before %d, want 2 and 2", n, a, first[a], after[[2]int{a, b}], b)
				}
			}
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		sorted []float64
		q      float64
		want   float64
	}{
		{[]float64{3}, 0.25, 3}, {[]float64{1, 2, 3}, 0.5, 2}, {[]float64{1, 2, 3, 4}, 0.5, 2.5}, {[]float64{1, 2, 3, 4}, 0.25, 1.75}, {[]float64{1, 9}, 1, 9},
	} {
		if got := quantile(tt.sorted, tt.q); got != tt.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", tt.sorted, tt.q, got, tt.want)
		}
	}
}

// TestRelate demands differences and ratios of the right pairs.
func TestRelate(t *testing.T) {
	direct := map[string]sample{constant: {cpuTime: 10}, checked: {cpuTime: 20}, product: {cpuTime: 40}, typed: {cpuTime: 400}}
	relateReviews(direct)
	want := map[string]sample{constant: {cpuTime: 10}, checked: {cpuTime: 20}, product: {cpuTime: 40, "× constant": 4, "× checked constant": 2}, typed: {cpuTime: 400, "× Caseharden": 10}}
	if diff := cmp.Diff(want, direct); diff != "" {
		t.Errorf("reviews (-want +got):\n%s", diff)
	}
	creates := map[string]sample{none: {p50: 1, p99: 2, apiServerTime: 3}, constant: {p50: 2, p99: 4, apiServerTime: 6}, product: {p50: 3, p99: 5, apiServerTime: 7}}
	relateCreates(creates)
	wantCreate := sample{p50: 3, p99: 5, apiServerTime: 7, "added p50, ms": 2, "added p99, ms": 3, "added API server CPU, µs": 4, "× constant": 2}
	if diff := cmp.Diff(wantCreate, creates[product]); diff != "" {
		t.Errorf("creates (-want +got):\n%s", diff)
	}
}

// TestChecks demands that wrong answers are found.
func TestChecks(t *testing.T) {
	const review = `{"request":{"uid":"7","object":{"spec":{"containers":[{"name":"app"}]}}}}`
	for answer, want := range map[string]string{
		`{"response":{"uid":"7","allowed":false}}`: "does not allow",
		`{"response":{"uid":"8","allowed":true}}`:  "does not allow",
		`{}`: "does not allow",
		`{"response":{"uid":"7","allowed":true,"patch":"e30="}}`:                 "cannot unmarshal",
		`{"response":{"uid":"7","allowed":true,"patch":"W3sib3AiOiJhZGQifV0="}}`: "missing",
	} {
		if _, err := patchedPod([]byte(review), []byte(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", answer, err, want)
		}
	}
	typical, done := reviews.Kind{Name: "typical", Bodies: make([][]byte, 1)}, reviews.Kind{Name: reviews.Hardened, Bodies: make([][]byte, 1)}
	const patched, unpatched, denied = `{"allowed":true,"patch":"W10="}`, `{"allowed":true}`, `{"allowed":false,"patch":"W10="}`
	if glance(typical, []byte(patched)) != nil || glance(typical, []byte(unpatched)) == nil || glance(typical, []byte(denied)) == nil ||
		glance(done, []byte(patched)) == nil || glance(done, []byte(unpatched)) != nil {
		t.Error("glance accepts a wrong answer, or rejects a right one")
	}
}

// TestMeasure takes one short round of everything, in which all answers are checked.
func TestMeasure(t *testing.T) {
	r, err := measure(t.Context(), "", 1, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := reviews.Kinds(os.Getenv("CORPUS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		name    string
		rows    []row
		n       int
		metrics []string
	}{
		{"reviews", r.Reviews, len(kinds) * len(webhooks), []string{cpuTime, perSecond, p50, p99}},
		{"servers", r.Servers, len(webhooks), []string{startTime, idleMemory, peakMemory}},
		{"creates", r.Creates, len(admissions), []string{perSecond, p50, p99, apiServerTime}},
	} {
		if len(part.rows) != part.n {
			t.Errorf("%s: there are %d rows, want %d", part.name, len(part.rows), part.n)
		}
		for _, row := range part.rows {
			for _, metric := range part.metrics {
				if row.Figures[metric][0] <= 0 {
					t.Errorf("%s, %s, %s: %s is not above 0", part.name, row.Case, row.Contender, metric)
				}
			}
		}
	}
}
