// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/ecdh"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	testNames = []string{"caseharden.caseharden-system.svc", strings.Repeat("long.", 20) + "example", "*.example.com"}
	testHosts = append([]string{"127.0.0.1", "::1"}, testNames...)
)

func TestNewKeyPairVerifies(t *testing.T) {
	now := time.Now()
	ours, err := newKeyPair(testHosts, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newKeyPair(testHosts, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf := parseCert(t, ours.cert)
	hosts := []string{testNames[0], testNames[1], "a.example.com", "127.0.0.1", "::1"}
	for _, host := range hosts {
		for _, tt := range []struct {
			name string
			cas  *x509.CertPool
			ok   bool
		}{
			{"its CA", poolOf(ours), true},
			{"both CAs, as while rotating", poolOf(other, ours), true},
			{"another CA", poolOf(other), false},
		} {
			t.Run(host+" against "+tt.name, func(t *testing.T) {
				_, err := leaf.Verify(x509.VerifyOptions{
					Roots: tt.cas, DNSName: host, CurrentTime: now,
					KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
				})
				if (err == nil) != tt.ok {
					t.Errorf("Verify = %v, want success %t", err, tt.ok)
				}
			})
		}
	}
	for _, host := range []string{"localhost", "127.0.0.2", "svc", "a.b.example.com"} {
		if err := leaf.VerifyHostname(host); err == nil {
			t.Errorf("certificate is valid for %q, want not", host)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{
		Roots: poolOf(ours), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err == nil {
		t.Error("certificate is good for a client, want only for a server")
	}
	if _, err := tls.X509KeyPair(ours.cert, ours.key); err != nil {
		t.Error(err)
	}
}

func TestNewKeyPairFields(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g, err := newKeyPair(testHosts, now, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ca, leaf := parseCert(t, g.ca), parseCert(t, g.cert)

	type fields struct {
		IsCA, BasicConstraints bool
		MaxPathLen             int
		KeyUsage               x509.KeyUsage
		ExtKeyUsage            []x509.ExtKeyUsage
		DNSNames               []string
		IPs                    []string
		From, To               time.Time
		Algorithm              x509.SignatureAlgorithm
	}
	fieldsOf := func(c *x509.Certificate) fields {
		f := fields{
			c.IsCA, c.BasicConstraintsValid, c.MaxPathLen, c.KeyUsage, c.ExtKeyUsage,
			c.DNSNames, nil, c.NotBefore, c.NotAfter, c.SignatureAlgorithm,
		}
		for _, ip := range c.IPAddresses {
			f.IPs = append(f.IPs, ip.String())
		}
		return f
	}
	from, to := now.Add(-backdate), now.Add(90*24*time.Hour)
	if diff := cmp.Diff(fields{
		IsCA: true, BasicConstraints: true, MaxPathLen: 0, KeyUsage: x509.KeyUsageCertSign,
		From: from, To: to, Algorithm: x509.ECDSAWithSHA256,
	}, fieldsOf(ca)); diff != "" {
		t.Errorf("CA (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fields{
		BasicConstraints: true, MaxPathLen: -1, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    testNames, IPs: []string{"127.0.0.1", "::1"},
		From: from, To: to, Algorithm: x509.ECDSAWithSHA256,
	}, fieldsOf(leaf)); diff != "" {
		t.Errorf("serving certificate (-want +got):\n%s", diff)
	}
	if len(ca.SubjectKeyId) != 20 || len(leaf.SubjectKeyId) != 20 || bytes.Equal(ca.SubjectKeyId, leaf.SubjectKeyId) {
		t.Errorf("subject key ids = %x, %x, want two different ones of 160 bits", ca.SubjectKeyId, leaf.SubjectKeyId)
	}
	if !bytes.Equal(leaf.AuthorityKeyId, ca.SubjectKeyId) {
		t.Errorf("authority key id = %x, want the CA's %x", leaf.AuthorityKeyId, ca.SubjectKeyId)
	}
	if err := ca.CheckSignatureFrom(ca); err != nil {
		t.Errorf("CA is not self-signed: %v", err)
	}
}

func TestKeyPairsAreDistinct(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	unique := func(what, value string) {
		t.Helper()
		if seen[what+value] {
			t.Errorf("%s %q twice", what, value)
		}
		seen[what+value] = true
	}
	for range 50 {
		g, err := newKeyPair(testNames, now, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		ca, leaf := parseCert(t, g.ca), parseCert(t, g.cert)
		unique("CA name", ca.Subject.String())
		unique("key id", string(ca.SubjectKeyId))
		unique("key id", string(leaf.SubjectKeyId))
		for _, c := range []*x509.Certificate{ca, leaf} {
			unique("serial", c.SerialNumber.Text(16))
			// 2^-64 of all 128-bit numbers are shorter than 64 bits.
			if n := c.SerialNumber.BitLen(); n < 64 || n > 128 || c.SerialNumber.Sign() <= 0 {
				t.Errorf("serial of %d bits, sign %d, want a positive one of 128 random bits", n, c.SerialNumber.Sign())
			}
		}
	}
}

// TestCAKeyIsThrownAway tries everything in the outputs, and in what their PEM
// encodes, that could be 32 bytes, as they are or in hex or base64, as the private
// key of the CA. The control is the serving key, which the same search must find.
func TestCAKeyIsThrownAway(t *testing.T) {
	g := issue(t, time.Hour)
	public := func(c *x509.Certificate) []byte { return c.RawSubjectPublicKeyInfo[len(c.RawSubjectPublicKeyInfo)-65:] }
	ca, leaf := public(parseCert(t, g.ca)), public(parseCert(t, g.cert))

	var haystacks [][]byte
	for _, text := range [][]byte{g.ca, g.cert, g.key} {
		block, rest := pem.Decode(text)
		if len(rest) != 0 {
			t.Fatalf("more than one block in %q", text)
		}
		haystacks = append(haystacks, text, block.Bytes)
	}
	foundServing := false
	for _, h := range haystacks {
		for window := range candidates(h) {
			key, err := ecdh.P256().NewPrivateKey(window)
			if err != nil {
				continue
			}
			switch got := key.PublicKey().Bytes(); {
			case bytes.Equal(got, ca):
				t.Fatal("the CA's private key is in the outputs")
			case bytes.Equal(got, leaf):
				foundServing = true
			}
		}
	}
	if !foundServing {
		t.Error("the search finds no key at all, want the serving key")
	}
	if !bytes.Equal(leaf, mustBytes(t, g.key)) {
		t.Error("the key does not belong to the serving certificate")
	}
}

func mustBytes(t *testing.T, keyPEM []byte) []byte {
	t.Helper()
	b, err := parseKey(t, keyPEM).PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// candidates yields every 32 bytes that are in b, raw, in hex or in base64.
func candidates(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range b {
			if i+32 <= len(b) && !yield(b[i:i+32]) {
				return
			}
			if i+64 <= len(b) {
				if raw, err := hex.DecodeString(string(b[i : i+64])); err == nil && !yield(raw) {
					return
				}
			}
			// Four characters are three bytes: the 32 may begin at any of them.
			for skip, size := range []int{43, 44, 46} {
				if i+size > len(b) {
					break
				}
				if raw, err := base64.RawStdEncoding.DecodeString(string(b[i : i+size])); err == nil && !yield(raw[skip:skip+32]) {
					return
				}
			}
		}
	}
}

func TestNewKeyPairRefuses(t *testing.T) {
	tests := []struct {
		name     string
		hosts    []string
		lifetime time.Duration
		want     string
	}{
		{"no host", nil, time.Hour, "certificate has no DNS name and no IP address"},
		{"no lifetime", testNames, 0, "certificate lifetime 0s: must be at least 1s, the resolution of X.509"},
		{"negative lifetime", testNames, -time.Hour, "certificate lifetime -1h0m0s: must be at least 1s, the resolution of X.509"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newKeyPair(tt.hosts, time.Now(), tt.lifetime)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := newKeyPair(testNames, time.Now(), time.Second); err != nil {
		t.Errorf("a lifetime of one second: %v", err)
	}
}
