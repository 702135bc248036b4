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

// A candidate is a generation that has been read and is whole: its CA has signed its
// certificate, and its key belongs to that.
type candidate struct {
	generation
	issuer *x509.Certificate // the CA
	leaf   *x509.Certificate
	pair   *tls.Certificate
}

// readGeneration returns a generation as a candidate. Its errors name what is wrong,
// and never quote a key.
func readGeneration(g generation) (*candidate, error) {
	issuers, err := document{"CA certificate", g.ca}.certificates()
	switch {
	case err != nil:
		return nil, fmt.Errorf("CA certificate: %w", err)
	case len(issuers) != 1:
		return nil, fmt.Errorf("CA certificate: %d certificates, want one", len(issuers))
	}
	pair, err := parsePair(document{"serving certificate", g.cert}, document{"serving key", g.key})
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.CheckSignatureFrom(issuers[0]); err != nil {
		return nil, errors.New("serving certificate: not signed by the CA certificate")
	}
	return &candidate{generation: g, issuer: issuers[0], leaf: pair.Leaf, pair: pair}, nil
}

// id tells CAs apart.
func id(ca *x509.Certificate) string { return string(ca.Raw) }

func (c *candidate) id() string { return id(c.issuer) }

// same reports whether two candidates, either of which may be nil, are one.
func (c *candidate) same(other *candidate) bool {
	return c == other || c != nil && other != nil && string(c.leaf.Raw) == string(other.leaf.Raw)
}

// problem returns why an API server does not accept the candidate at now; "" if it does.
// A candidate that is nil has the problem why, if that is known.
func (c *candidate) problem(now time.Time, why string) string {
	if c == nil {
		return cmp.Or(why, "there is no certificate")
	}
	if err := cmp.Or(validAt("serving certificate", c.leaf, now), validAt("CA certificate", c.issuer, now)); err != nil {
		return err.Error()
	}
	return ""
}

// due returns why it is time for another generation; "" if it is not.
//
//	two thirds of its life have passed        the rest is for what may go wrong
//	it is not for one of the hosts            somebody renamed the Service
//	it lives longer than one that we make     somebody shortened the lifetime
//	otherwise                                 ""
func (c *candidate) due(now time.Time, s settings) string {
	if c.old(now) {
		return "two thirds of its life have passed"
	}
	for _, host := range s.hosts {
		if c.leaf.VerifyHostname(host) != nil {
			return "it is not for " + host
		}
	}
	if c.outlives(now, s) {
		return "it lives longer than a certificate is to live"
	}
	return ""
}

// outlives reports whether the certificate or its CA lives longer than those that a
// replica makes with these settings. The difference of two clocks is not enough.
func (c *candidate) outlives(now time.Time, s settings) bool {
	latest := now.Add(s.lifetime + backdate)
	return c.leaf.NotAfter.After(latest) || c.issuer.NotAfter.After(latest)
}

// old reports whether two thirds of its life have passed.
func (c *candidate) old(now time.Time) bool {
	made := c.leaf.NotBefore.Add(backdate)
	return !now.Before(made.Add(c.leaf.NotAfter.Sub(made) * 2 / 3))
}
