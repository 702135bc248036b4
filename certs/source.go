// SPDX-License-Identifier: Apache-2.0

// Package certs supplies the certificate that the webhook serves, keeps it
// fresh while the process runs, and says whether it is valid.
//
// Guarantees: a new certificate is taken only when it is whole, that is when
// certificate, chain and private key parse and belong together; until then the
// one before is served. A change never touches an established connection. No
// private key ever appears in a log line or an error, and the key of a CA that
// this package makes never leaves the function that makes it.
//
// It deliberately does not choose TLS versions or verify clients, does not
// check revocation, does not contact an issuer, and writes no file.
//
// Start reading at [Source], then at one way of supplying it: [Files] for a
// mounted files, [Managed] for certificates that are made and rotated here, of which
// plan.go is the heart, [Ephemeral] for local use.
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
	// returns nil. It must be called at most once.
	Run(ctx context.Context) error

	// Ready returns nil when the certificate being served is valid at now, and
	// otherwise an error that says why it is not.
	Ready(now time.Time) error
}

var errNotLoaded = errors.New("serving certificate not loaded")

// served holds the certificate of the next handshake, for a Source to embed.
// The zero value holds none. A handshake that has begun keeps what it got, which
// is why replacing the certificate cannot disturb a connection.
type served struct {
	certificate atomic.Pointer[tls.Certificate] // its Leaf is always set
}

// GetCertificate returns the certificate being served, whatever name the client
// asks for: the client is the one to judge whether it fits.
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
// with what. Both ends of the validity belong to it, as for [x509.Certificate.Verify],
// with which the API server decides.
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
