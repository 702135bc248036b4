// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// A keyPair is a CA and the one serving certificate that it has signed, with the key of
// that certificate. Nothing keeps the key of the CA: no second certificate can pass for
// the first.
type keyPair struct {
	ca   []byte // PEM: one self-signed certificate
	cert []byte // PEM: one certificate, signed by ca
	key  []byte // PEM: the key of cert

	issuer      *x509.Certificate // in ca
	leaf        *x509.Certificate // in cert
	certificate *tls.Certificate  // cert and key, as they are served
}

// parseKeyPair returns the key pair that the three PEM texts hold. Its errors name what is
// wrong, and never quote a key.
func parseKeyPair(ca, cert, key []byte) (*keyPair, error) {
	issuers, err := pemText{"CA certificate", ca}.certificates()
	switch {
	case err != nil:
		return nil, fmt.Errorf("CA certificate: %w", err)
	case len(issuers) != 1:
		return nil, fmt.Errorf("CA certificate: %d certificates, want one", len(issuers))
	}
	certificate, err := parseCertificate(pemText{"serving certificate", cert}, pemText{"serving key", key})
	if err != nil {
		return nil, err
	}
	if err := certificate.Leaf.CheckSignatureFrom(issuers[0]); err != nil {
		return nil, errors.New("serving certificate: not signed by the CA certificate")
	}
	return &keyPair{ca: ca, cert: cert, key: key, issuer: issuers[0], leaf: certificate.Leaf, certificate: certificate}, nil
}

// id returns what identifies a CA.
func id(ca *x509.Certificate) string { return string(ca.Raw) }

// id returns what identifies the CA of the key pair.
func (k *keyPair) id() string { return id(k.issuer) }

// same reports whether two key pairs, each of which may be nil, are the same.
func (k *keyPair) same(other *keyPair) bool {
	return k == other || k != nil && other != nil && string(k.leaf.Raw) == string(other.leaf.Raw)
}

// problem returns why an API server does not accept the key pair at now; "" if it does.
// The problem of a nil key pair is why, if that is not empty.
func (k *keyPair) problem(now time.Time, why string) string {
	if k == nil {
		return cmp.Or(why, "there is no certificate")
	}
	if err := cmp.Or(validAt("serving certificate", k.leaf, now), validAt("CA certificate", k.issuer, now)); err != nil {
		return err.Error()
	}
	return ""
}

// due returns why another key pair must be made; "" if none must be.
//
//	two thirds of its life have passed        the rest is a reserve for failures
//	it lives longer than one that we make     the lifetime was made shorter
//	it is not for one of the hosts            the Service was renamed
//	otherwise                                 ""
func (k *keyPair) due(now time.Time, o ManagedOptions) string {
	if k.old(now) {
		return "two thirds of its life have passed"
	}
	if k.outlives(now, o) {
		return "it lives longer than the configured lifetime"
	}
	for _, host := range o.Hosts {
		if k.leaf.VerifyHostname(host) != nil {
			return "it is not for " + host
		}
	}
	return ""
}

// outlives reports whether the certificate or its CA lives longer than those that a
// replica makes with these options. It tolerates a difference of the clocks.
func (k *keyPair) outlives(now time.Time, o ManagedOptions) bool {
	latest := now.Add(o.Lifetime + backdate)
	return k.leaf.NotAfter.After(latest) || k.issuer.NotAfter.After(latest)
}

// old reports whether two thirds of its life have passed.
func (k *keyPair) old(now time.Time) bool {
	made := k.leaf.NotBefore.Add(backdate)
	return !now.Before(made.Add(k.leaf.NotAfter.Sub(made) * 2 / 3))
}
