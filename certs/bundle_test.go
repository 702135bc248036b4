// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"
	"time"
)

// All certificates in a caBundle are read, and nothing else.
func TestCAsIn(t *testing.T) {
	a, b := issue(t, time.Hour), issue(t, time.Hour)
	text := slices.Concat([]byte("garbage\n"), a.ca, a.cert, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), b.ca, a.key, bytes.Replace(a.ca, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE"), 2), bytes.Replace(b.ca, []byte("-----\n"), []byte("-----\nA: b\n\n"), 1))
	got := casIn(text)
	if len(got) != 3 || !bytes.Equal(got[0].Raw, parseCert(t, a.ca).Raw) || !bytes.Equal(got[1].Raw, parseCert(t, a.cert).Raw) || !bytes.Equal(got[2].Raw, parseCert(t, b.ca).Raw) {
		t.Errorf("%d CAs were read, want 3", len(got))
	}
	if got := casIn(nil); got != nil {
		t.Errorf("of nothing: %d CAs", len(got))
	}
}

// Every replica writes the same, in whatever order it has seen the CAs, and what is
// written is read back.
func TestMarshalCAs(t *testing.T) {
	a, b := parseCert(t, issue(t, time.Hour).ca), parseCert(t, issue(t, time.Hour).ca)
	one, other := marshalCAs([]*x509.Certificate{a, b, a}), marshalCAs([]*x509.Certificate{b, a})
	if !bytes.Equal(one, other) {
		t.Errorf("two orders:\n%s\n%s", one, other)
	}
	if got := casIn(one); len(got) != 2 || !holdsCA(got, a) || !holdsCA(got, b) {
		t.Errorf("read back: %d CAs", len(got))
	}
	if got := marshalCAs(nil); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

// What is trusted is what every webhook has.
func TestConfigurationView(t *testing.T) {
	a, b := issue(t, time.Hour), issue(t, time.Hour)
	for name, tt := range map[string]struct {
		bundles [][]byte
		trusted int
	}{
		"no webhook":     {nil, 0},
		"one":            {[][]byte{a.ca}, 1},
		"two, the same":  {[][]byte{slices.Concat(a.ca, b.ca), slices.Concat(b.ca, a.ca)}, 2},
		"two, different": {[][]byte{slices.Concat(a.ca, b.ca), b.ca}, 1},
		"one without":    {[][]byte{a.ca, nil}, 0},
	} {
		if v := newConfigurationView(tt.bundles); len(v.trusted) != tt.trusted || len(v.known) != len(tt.bundles) || !v.exists {
			t.Errorf("%s: %d trusted, want %d", name, len(v.trusted), tt.trusted)
		}
	}
}
