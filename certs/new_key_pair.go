// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// backdate is how far the validity of a key pair reaches back before it was made, for
// clients and replicas whose clocks are behind ours. The age of a key pair counts from
// NotBefore plus backdate.
const backdate = time.Hour

// newKeyPair makes a key pair for hosts, each a DNS name (which may begin with "*.") or an
// IP address, that is valid until now + lifetime. The key of the CA never leaves it.
func newKeyPair(hosts []string, now time.Time, lifetime time.Duration) (*keyPair, error) {
	dnsNames, ips, err := splitHosts(hosts)
	switch {
	case err != nil:
		return nil, err
	case len(hosts) == 0:
		return nil, errors.New("certificate has no DNS name and no IP address")
	case lifetime < time.Second:
		return nil, fmt.Errorf("certificate lifetime %s: must be at least 1s, the resolution of X.509", lifetime)
	}

	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	caKeyID, err := subjectKeyID(&caKey.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	// The CA lives exactly as long as its only certificate: nothing else needs trust.
	notBefore, notAfter := now.Add(-backdate), now.Add(lifetime)
	ca := &x509.Certificate{
		SerialNumber: newSerial(),
		// No two CAs share a name. During a rotation a caBundle holds two CAs. A
		// verifier that looks up an issuer by its name could use the wrong one, and
		// report a bad signature.
		Subject:               pkix.Name{CommonName: caNamePrefix + rand.Text()[:12]},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
		SubjectKeyId:          caKeyID,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("serving key: %w", err)
	}
	keyID, err := subjectKeyID(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("serving key: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("serving key: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: newSerial(),
		// Verifiers read only the alternative names. A DNS name may be longer
		// than the 64 characters that X.509 allows a common name.
		Subject:               pkix.Name{CommonName: "caseharden"},
		DNSNames:              dnsNames,
		IPAddresses:           ips,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId:          keyID,
	}
	certDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("serving certificate: %w", err)
	}

	return parseKeyPair(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	)
}

// newSerial returns 128 random bits: unique without a record of earlier serial numbers,
// and within the 20 octets of RFC 5280.
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its documentation
	return new(big.Int).SetBytes(b[:])
}

// subjectKeyID returns a key identifier by method 1 of RFC 7093: the leftmost 160 bits of
// the SHA-256 of the public key. crypto/x509 sets one itself, but only on a CA.
func subjectKeyID(public *ecdsa.PublicKey) ([]byte, error) {
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(point)
	return sum[:20], nil
}
