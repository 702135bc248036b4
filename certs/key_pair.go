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

// A keyPair is one that has been read and is whole: its CA has signed its
// certificate, and its key belongs to that.
type keyPair struct {
	keyPairPEM
	issuer      *x509.Certificate // the CA
	leaf        *x509.Certificate
	certificate *tls.Certificate
}

// parseKeyPair reads a key pair. Its errors name what is wrong,
// and never quote a key.
func parseKeyPair(p keyPairPEM) (*keyPair, error) {
	issuers, err := pemText{"CA certificate", p.ca}.certificates()
	switch {
	case err != nil:
		return nil, fmt.Errorf("CA certificate: %w", err)
	case len(issuers) != 1:
		return nil, fmt.Errorf("CA certificate: %d certificates, want one", len(issuers))
	}
	certificate, err := parseCertificate(pemText{"serving certificate", p.cert}, pemText{"serving key", p.key})
	if err != nil {
		return nil, err
	}
	if err := certificate.Leaf.CheckSignatureFrom(issuers[0]); err != nil {
		return nil, errors.New("serving certificate: not signed by the CA certificate")
	}
	return &keyPair{keyPairPEM: p, issuer: issuers[0], leaf: certificate.Leaf, certificate: certificate}, nil
}

// id tells CAs apart.
func id(ca *x509.Certificate) string { return string(ca.Raw) }

func (k *keyPair) id() string { return id(k.issuer) }

// same reports whether two key pairs, either of which may be nil, are one.
func (k *keyPair) same(other *keyPair) bool {
	return k == other || k != nil && other != nil && string(k.leaf.Raw) == string(other.leaf.Raw)
}

// problem returns why an API server does not accept the key pair at now; "" if it does.
// A key pair that is nil has the problem why, if that is known.
func (k *keyPair) problem(now time.Time, why string) string {
	if k == nil {
		return cmp.Or(why, "there is no certificate")
	}
	if err := cmp.Or(validAt("serving certificate", k.leaf, now), validAt("CA certificate", k.issuer, now)); err != nil {
		return err.Error()
	}
	return ""
}

// due returns why it is time for another key pair; "" if it is not.
//
//	two thirds of its life have passed        the rest is for what may go wrong
//	it is not for one of the hosts            somebody renamed the Service
//	it lives longer than one that we make     somebody shortened the lifetime
//	otherwise                                 ""
func (k *keyPair) due(now time.Time, s settings) string {
	if k.old(now) {
		return "two thirds of its life have passed"
	}
	for _, host := range s.hosts {
		if k.leaf.VerifyHostname(host) != nil {
			return "it is not for " + host
		}
	}
	if k.outlives(now, s) {
		return "it lives longer than a certificate is to live"
	}
	return ""
}

// outlives reports whether the certificate or its CA lives longer than those that a
// replica makes with these settings. The difference of two clocks is not enough.
func (k *keyPair) outlives(now time.Time, s settings) bool {
	latest := now.Add(s.lifetime + backdate)
	return k.leaf.NotAfter.After(latest) || k.issuer.NotAfter.After(latest)
}

// old reports whether two thirds of its life have passed.
func (k *keyPair) old(now time.Time) bool {
	made := k.leaf.NotBefore.Add(backdate)
	return !now.Before(made.Add(k.leaf.NotAfter.Sub(made) * 2 / 3))
}
