// SPDX-License-Identifier: Apache-2.0

// Package certs supplies the certificate that the webhook serves, keeps it fresh while
// the process runs, and reports whether it is valid.
//
// A CA is in every caBundle before anything that it has signed is served, and stays there
// until nothing that it has signed can be in use. A new certificate is served only when it
// is whole: certificate, chain and private key parse and belong together. Until then the
// current certificate is served. A change never affects an established connection. No
// private key appears in a log line or an error, and the key of a CA that this package
// makes never leaves the function that makes it.
//
// The package does not choose TLS versions, verify clients, check revocation, contact an
// issuer or write a file.
//
// Start reading at [Source], then at one of its implementations: [Files] for mounted
// files, [Managed] for certificates that this package makes and rotates (start at
// plan.go), and [Ephemeral] for local use.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A Source supplies the serving certificate.
type Source interface {
	// GetCertificate is for [tls.Config.GetCertificate]: it returns the
	// certificate for one handshake.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Run keeps the certificate fresh. It blocks until ctx is done and then
	// returns nil. Run must be called at most once.
	Run(ctx context.Context) error

	// Ready returns nil when the certificate being served is valid at now, and
	// otherwise an error with the reason.
	Ready(now time.Time) error
}

var errNotLoaded = errors.New("serving certificate not loaded")

// served holds the certificate of the next handshake, for a Source to embed.
// The zero value holds none. A handshake that has begun keeps the certificate that
// it got, so that a replacement cannot disturb a connection.
type served struct {
	certificate atomic.Pointer[tls.Certificate] // its Leaf is always set
}

// GetCertificate returns the certificate being served, whatever name the client
// asks for: the client decides whether the certificate fits.
func (s *served) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := s.certificate.Load(); c != nil {
		return c, nil
	}
	return nil, errNotLoaded
}

// Ready returns nil when the certificate being served is valid at now.
func (s *served) Ready(now time.Time) error {
	c := s.certificate.Load()
	if c == nil {
		return errNotLoaded
	}
	return validAt("serving certificate", c.Leaf, now)
}

// validAt returns nil if certificate is valid at now, and otherwise an error that begins
// with what. Both ends of the validity are inclusive, as in [x509.Certificate.Verify],
// which the API server uses.
//
//	before NotBefore   not yet valid
//	after NotAfter     expired
//	otherwise          nil
func validAt(what string, certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("%s not yet valid until %s", what, certificate.NotBefore.UTC().Format(time.RFC3339))
	case now.After(certificate.NotAfter):
		return fmt.Errorf("%s expired at %s", what, certificate.NotAfter.UTC().Format(time.RFC3339))
	default:
		return nil
	}
}
