// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

func TestReady(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	r := newRecorder()
	e, err := NewEphemeral([]string{"localhost"}, made, time.Hour, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	from, to := made.Add(-backdate), made.Add(time.Hour)
	const (
		early = "serving certificate not yet valid until 2026-03-01T10:00:00Z"
		late  = "serving certificate expired at 2026-03-01T12:00:00Z"
	)
	tests := []struct {
		name string
		now  time.Time
		want string // "" for ready
	}{
		{"long before", from.AddDate(-1, 0, 0), early},
		{"one nanosecond before", from.Add(-1), early},
		{"at NotBefore", from, ""},
		{"when made", made, ""},
		{"at NotAfter", to, ""},
		{"one nanosecond after", to.Add(1), late},
		{"long after", to.AddDate(1, 0, 0), late},
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(e.CAPEM())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			err := e.Ready(tt.now)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Ready = %q, want %q", got, tt.want)
			}
			// The oracle: crypto/x509 decides alike at the same instant.
			_, verifyErr := c.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost", CurrentTime: tt.now})
			if (verifyErr == nil) != (err == nil) {
				t.Errorf("Ready = %v, but Verify = %v", err, verifyErr)
			}
		})
	}
}

func TestNotLoaded(t *testing.T) {
	var s served
	if err := s.Ready(time.Now()); !errors.Is(err, errNotLoaded) {
		t.Errorf("Ready = %v, want %v", err, errNotLoaded)
	}
	if c, err := s.GetCertificate(&tls.ClientHelloInfo{}); c != nil || !errors.Is(err, errNotLoaded) {
		t.Errorf("GetCertificate = %v, %v, want %v", c, err, errNotLoaded)
	}
}
