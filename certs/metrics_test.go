// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// wantMetrics compares every series; a zero time is a gauge that must not be
// there.
func (r *recorder) wantMetrics(t *testing.T, serving, ca time.Time, rotations, read, parse int) {
	t.Helper()
	var expiry strings.Builder
	if !serving.IsZero() {
		expiry.WriteString(`
# HELP caseharden_certificate_not_after_timestamp_seconds When the certificate expires, in seconds since the epoch; there is no series for a role that caseharden holds none of.
# TYPE caseharden_certificate_not_after_timestamp_seconds gauge
`)
		if !ca.IsZero() {
			fmt.Fprintf(&expiry, "caseharden_certificate_not_after_timestamp_seconds{role=\"ca\"} %d\n", ca.Unix())
		}
		fmt.Fprintf(&expiry, "caseharden_certificate_not_after_timestamp_seconds{role=\"serving\"} %d\n", serving.Unix())
	}
	want := fmt.Sprintf(`
# HELP caseharden_certificate_errors_total Errors on the way to a new serving certificate, each counted once however long it lasts.
# TYPE caseharden_certificate_errors_total counter
caseharden_certificate_errors_total{step="parse"} %d
caseharden_certificate_errors_total{step="read"} %d
%s
# HELP caseharden_certificate_rotations_total How often a new serving certificate has taken the place of another.
# TYPE caseharden_certificate_rotations_total counter
caseharden_certificate_rotations_total %d
`, parse, read, expiry.String(), rotations)
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestMetricsAtZeroAndLintClean(t *testing.T) {
	r := newRecorder()
	r.wantMetrics(t, time.Time{}, time.Time{}, 0, 0, 0)
	problems, err := testutil.GatherAndLint(r.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// value returns that of the only series of a name, with the label value if there is
// one.
func (r *recorder) value(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && (label == "" || m.Label[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s %s", name, label)
	return 0
}
