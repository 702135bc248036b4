// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEphemeralServes(t *testing.T) {
	r := newRecorder()
	now := time.Now()
	e, err := NewEphemeral([]string{"localhost", "127.0.0.1"}, now, time.Hour, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	url := serveTLS(t, e, http.NotFoundHandler())
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(e.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	r.wantMetrics(t, now.Add(time.Hour), now.Add(time.Hour), 0, 0, 0)
}

func TestEphemeralCAPEM(t *testing.T) {
	e, err := NewEphemeral([]string{"::1"}, time.Now(), time.Hour, newRecorder().metrics)
	if err != nil {
		t.Fatal(err)
	}
	ca := e.CAPEM()
	if c := parseCert(t, ca); !c.IsCA {
		t.Error("CAPEM is not the certificate of a CA")
	}
	clear(ca)
	parseCert(t, e.CAPEM()) // the caller's copy is the caller's
}

func TestEphemeralRefuses(t *testing.T) {
	tests := []struct {
		name  string
		hosts []string
		want  string
	}{
		{"none", nil, "certificate has no DNS name and no IP address"},
		{"unset", []string{"localhost", ""}, `host "": neither a DNS name nor an IP address`},
		{"port", []string{"localhost:8443"}, `host "localhost:8443": neither a DNS name nor an IP address`},
		{"URL", []string{"https://localhost"}, `host "https://localhost": neither a DNS name nor an IP address`},
		{"brackets", []string{"[::1]"}, `host "[::1]": neither a DNS name nor an IP address`},
		{"space", []string{"a b"}, `host "a b": neither a DNS name nor an IP address`},
		{"newline", []string{"a\nb"}, `host "a\nb": neither a DNS name nor an IP address`},
		{"final dot", []string{"a.svc."}, `host "a.svc.": neither a DNS name nor an IP address`},
		{"hyphen first", []string{"-a"}, `host "-a": neither a DNS name nor an IP address`},
		{"hyphen last", []string{"a-.b"}, `host "a-.b": neither a DNS name nor an IP address`},
		{"inner wildcard", []string{"a.*.b"}, `host "a.*.b": neither a DNS name nor an IP address`},
		{"not ASCII", []string{"härten"}, `host "härten": neither a DNS name nor an IP address`},
		{"long label", []string{strings.Repeat("a", 64)}, `host "` + strings.Repeat("a", 64) + `": neither a DNS name nor an IP address`},
		{"long name", []string{strings.Repeat("a.", 126) + "aa"}, `host "` + strings.Repeat("a.", 126) + `aa": neither a DNS name nor an IP address`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewEphemeral(tt.hosts, time.Now(), time.Hour, newRecorder().metrics)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
}

// TestEphemeralHosts: what is accepted, a client matches.
func TestEphemeralHosts(t *testing.T) {
	for host, match := range map[string]string{
		"localhost":                     "localhost",
		"Some-Machine_1.Example":        "some-machine_1.example",
		"*.svc":                         "caseharden.svc",
		strings.Repeat("a", 63) + ".b":  strings.Repeat("a", 63) + ".b",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
		"10.0.0.1":                      "10.0.0.1",
		"fd00::1":                       "[fd00::1]",
	} {
		e, err := NewEphemeral([]string{host}, time.Now(), time.Hour, newRecorder().metrics)
		if err != nil {
			t.Errorf("%q: %v", host, err)
			continue
		}
		c, err := e.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Leaf.VerifyHostname(match); err != nil {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestEphemeralRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := NewEphemeral([]string{"localhost"}, time.Now(), time.Hour, newRecorder().metrics)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		before := serial(t, e)
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if after := serial(t, e); after != before {
			t.Errorf("serial = %s, want %s still", after, before)
		}
		if err := e.Ready(time.Now()); err == nil {
			t.Error("Ready = nil an hour after the certificate expired")
		}
	})
}
