// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"slices"
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
	err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "caseharden_certificate_errors_total",
		"caseharden_certificate_not_after_timestamp_seconds", "caseharden_certificate_rotations_total")
	if err != nil {
		t.Error(err)
	}
	if begins, ends := r.roles(t, "caseharden_certificate_not_before_timestamp_seconds"), r.roles(t, "caseharden_certificate_not_after_timestamp_seconds"); !slices.Equal(begins, ends) {
		t.Errorf("it is said of %q when they begin to be valid, and of %q when they end", begins, ends)
	}
}

// roles returns those that a metric has series of.
func (r *recorder) roles(t *testing.T, name string) []string {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var roles []string
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name {
				roles = append(roles, m.Label[0].GetValue())
			}
		}
	}
	return roles
}

// The life of a certificate is that which it says itself.
func TestValidityOfACertificate(t *testing.T) {
	run(t, func(m *mount, g *keyPair) {
		leaf := parseCert(t, g.cert)
		for name, want := range map[string]time.Time{"not_before": leaf.NotBefore, "not_after": leaf.NotAfter} {
			if got := m.value(t, "caseharden_certificate_"+name+"_timestamp_seconds", "serving"); int64(got) != want.Unix() {
				t.Errorf("%s = %v, want %v", name, int64(got), want.Unix())
			}
		}
	})
}

// While the files are not whole the last time that they were stays.
func TestFilesLastReconcile(t *testing.T) {
	run(t, func(m *mount, g *keyPair) {
		age := func() time.Duration {
			last := m.value(t, "caseharden_certificate_last_reconcile_timestamp_seconds", "")
			return time.Since(time.UnixMilli(int64(last * 1000))).Round(time.Second)
		}
		m.poll(60)
		if got := age(); got > time.Second {
			t.Errorf("with whole files it was %s ago", got)
		}
		m.v.write(m.v.cert(), []byte("no certificate"))
		m.poll(60)
		if got := age(); got < 59*time.Second {
			t.Errorf("60 s after the files were broken it was %s ago", got)
		}
		m.v.swap(issue(t, time.Hour))
		m.poll(2)
		if got := age(); got > time.Second {
			t.Errorf("with a new certificate it was %s ago", got)
		}
	})
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
