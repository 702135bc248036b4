// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// A pemText is PEM text with the name that errors give it.
type pemText struct {
	name string
	text []byte
}

// parseCertificate returns the certificate chain with its key, ready to be served, if both
// are whole. Its errors name the text at fault and never quote key material, which either
// text may hold.
//
// It is stricter than [tls.X509KeyPair], which ignores a block that it cannot decode and
// parses only the leaf. A chain that was cut off while being written would be served
// without its end. A Go client such as the API server refuses a handshake if any
// certificate of the chain does not parse.
func parseCertificate(cert, key pemText) (*tls.Certificate, error) {
	leaf, err := cert.leaf()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cert.name, err)
	}
	if err := key.holdsKey(); err != nil {
		return nil, fmt.Errorf("%s: %w", key.name, err)
	}
	certificate, err := tls.X509KeyPair(cert.text, key.text)
	if err != nil {
		return nil, fmt.Errorf("%s for %s: %w", key.name, cert.name, err)
	}
	certificate.Leaf = leaf // GODEBUG=x509keypairleaf=0 leaves it nil
	return &certificate, nil
}

// leaf returns the first certificate, once all of them have parsed.
func (t pemText) leaf() (*x509.Certificate, error) {
	all, err := t.certificates()
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// certificates returns all certificates. There must be at least one.
func (t pemText) certificates() ([]*x509.Certificate, error) {
	blocks, err := t.blocks()
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, b := range blocks {
		// A combined file may hold the key as well.
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no PEM block of type CERTIFICATE")
	}
	return all, nil
}

// holdsKey returns nil if the text holds a private key. The error of [tls.X509KeyPair]
// would quote the types of the other blocks.
func (t pemText) holdsKey() error {
	blocks, err := t.blocks()
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.Type == "PRIVATE KEY" || strings.HasSuffix(b.Type, " PRIVATE KEY") {
			return nil
		}
	}
	return errors.New("no PEM block of type PRIVATE KEY")
}

// blocks returns the PEM blocks, or an error if a block begins that cannot be decoded:
// [pem.Decode] ignores such a block.
func (t pemText) blocks() ([]*pem.Block, error) {
	var blocks []*pem.Block
	for b, rest := pem.Decode(t.text); b != nil; b, rest = pem.Decode(rest) {
		blocks = append(blocks, b)
	}
	begun := bytes.Count(t.text, []byte("\n-----BEGIN "))
	if bytes.HasPrefix(t.text, []byte("-----BEGIN ")) {
		begun++
	}
	switch {
	case begun == 0:
		return nil, errors.New("no PEM block")
	case len(blocks) != begun:
		return nil, errors.New("truncated or malformed PEM block")
	}
	return blocks, nil
}
