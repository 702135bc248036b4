// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// otherKey returns a key that belongs to no certificate.
func otherKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// issue returns a CA and a certificate of it for 127.0.0.1, as PEM, with its key. The CA
// has the name.
func issue(t *testing.T, name string, from time.Time, lifetime time.Duration) (ca, cert, key []byte) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: from.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: from, NotAfter: from.Add(lifetime),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of     *x509.Certificate
		public *ecdsa.PublicKey
		text   *[]byte
	}{{root, &caKey.PublicKey, &ca}, {leaf, &leafKey.PublicKey, &cert}} {
		der, err := x509.CreateCertificate(rand.Reader, c.of, root, c.public, caKey)
		if err != nil {
			t.Fatal(err)
		}
		*c.text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return ca, cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// putIssued writes a certificate into the Secret that looks like the product's.
func putIssued(t *testing.T, secret *corev1.Secret, from time.Time, lifetime time.Duration) {
	t.Helper()
	ca, cert, key := issue(t, "caseharden-ca-TEST", from, lifetime)
	secret.Data["ca.crt"], secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey] = ca, cert, key
}

// current returns the certificate that is in the Secret.
func (in *installation) current(ctx context.Context) (*x509.Certificate, error) {
	secret, err := in.secret(ctx)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(secret.Data[corev1.TLSCertKey])
	if block == nil {
		return nil, errors.New("the Secret holds no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
