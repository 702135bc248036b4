// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// What is written into a Secret is read back, beside what others keep there.
func TestSecretHoldsKeyPairs(t *testing.T) {
	current, next := issue(t, time.Hour), issue(t, time.Hour)
	before := &corev1.Secret{Data: map[string][]byte{"other": []byte("kept"), "next-tls.crt": []byte("old")}}
	both := withKeyPairs(before, current, next)
	if v := newSecretView(both); !v.current.same(current) || !v.next.same(next) || string(both.Data["other"]) != "kept" {
		t.Errorf("read back: %+v", v)
	}
	one := withKeyPairs(both, next, nil)
	if v := newSecretView(one); !v.current.same(next) || v.next != nil || len(one.Data) != 4 {
		t.Errorf("after a promotion: %d keys", len(one.Data))
	}
	if len(before.Data) != 2 {
		t.Error("the Secret that was seen was changed")
	}
	if v := newSecretView(withKeyPairs(&corev1.Secret{}, nil, next)); v.current != nil || !v.next.same(next) {
		t.Error("a next key pair alone was not read back")
	}
}

// What is not whole is none, and the reason never quotes a key.
func TestSecretsThatAreNotWhole(t *testing.T) {
	g, other := issue(t, time.Hour), issue(t, time.Hour)
	for name, tt := range map[string]struct {
		data map[string][]byte
		want string
	}{
		"nothing":               {nil, "ca.crt is empty"},
		"no CA":                 {map[string][]byte{"tls.crt": g.cert, "tls.key": g.key}, "ca.crt is empty"},
		"no key":                {map[string][]byte{"ca.crt": g.ca, "tls.crt": g.cert, "tls.key": []byte("\n")}, "tls.key is empty"},
		"garbage":               {map[string][]byte{"ca.crt": []byte("x"), "tls.crt": g.cert, "tls.key": g.key}, "CA certificate: no PEM block"},
		"two CAs":               {map[string][]byte{"ca.crt": append(append([]byte{}, g.ca...), other.ca...), "tls.crt": g.cert, "tls.key": g.key}, "CA certificate: 2 certificates, want one"},
		"the CA of another":     {map[string][]byte{"ca.crt": other.ca, "tls.crt": g.cert, "tls.key": g.key}, "serving certificate: not signed by the CA certificate"},
		"the key of another":    {map[string][]byte{"ca.crt": g.ca, "tls.crt": g.cert, "tls.key": other.key}, "private key does not match public key"},
		"certificate for a key": {map[string][]byte{"ca.crt": g.ca, "tls.crt": g.key, "tls.key": g.key}, "no PEM block of type CERTIFICATE"},
		"truncated":             {map[string][]byte{"ca.crt": g.ca, "tls.crt": g.cert[:len(g.cert)/2], "tls.key": g.key}, "truncated or malformed PEM block"},
	} {
		v := newSecretView(&corev1.Secret{Data: tt.data})
		if v.current != nil || !strings.HasPrefix(v.currentProblem, "the Secret holds no certificate: ") || !strings.HasSuffix(v.currentProblem, tt.want) {
			t.Errorf("%s: problem %q, want %q", name, v.currentProblem, tt.want)
		}
		wantNoKey(t, v.currentProblem, g.key)
	}
	// A certificate of somebody else, by whatever keys.
	foreign := issueForeign(t)
	v := newSecretView(&corev1.Secret{Data: map[string][]byte{"tls.crt": foreign}})
	if want := `the Secret holds a certificate of "CN=somebody", which Caseharden did not make: use another Secret`; v.foreign != "CN=somebody" || v.currentProblem != want {
		t.Errorf("a foreign certificate: %q", v.currentProblem)
	}
	if v := newSecretView(nil); v.currentProblem != "there is no Secret" {
		t.Errorf("no Secret: %+v", v)
	}
}

// issueForeign makes a certificate as another issuer would.
func issueForeign(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
