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

// A document is PEM text, with the name that errors give it.
type document struct {
	name string
	text []byte
}

// parsePair returns the certificate chain and its key, ready to be served, if
// they are whole. Its errors name the document at fault and never quote key
// material, which either may hold.
//
// It is stricter than [tls.X509KeyPair], which leaves out a block that it cannot
// decode and parses only the leaf. A chain that was cut off while being written
// would be served without its end, and a Go client such as the API server
// refuses a handshake with any certificate in it that does not parse.
func parsePair(cert, key document) (*tls.Certificate, error) {
	leaf, err := cert.leaf()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cert.name, err)
	}
	if err := key.holdsKey(); err != nil {
		return nil, fmt.Errorf("%s: %w", key.name, err)
	}
	pair, err := tls.X509KeyPair(cert.text, key.text)
	if err != nil {
		return nil, fmt.Errorf("%s for %s: %w", key.name, cert.name, err)
	}
	pair.Leaf = leaf // GODEBUG=x509keypairleaf=0 leaves it nil
	return &pair, nil
}

// leaf returns the first certificate, once all of them have parsed.
func (d document) leaf() (*x509.Certificate, error) {
	all, err := d.certificates()
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// certificates returns all certificates, of which there must be at least one.
func (d document) certificates() ([]*x509.Certificate, error) {
	blocks, err := d.blocks()
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

// holdsKey looks for a key before [tls.X509KeyPair] does, whose error would
// quote the types of the blocks found in its stead.
func (d document) holdsKey() error {
	blocks, err := d.blocks()
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

// blocks returns the PEM blocks, or an error if one of those that begin cannot
// be decoded: [pem.Decode] passes over such a block in silence.
func (d document) blocks() ([]*pem.Block, error) {
	var blocks []*pem.Block
	for b, rest := pem.Decode(d.text); b != nil; b, rest = pem.Decode(rest) {
		blocks = append(blocks, b)
	}
	begun := bytes.Count(d.text, []byte("\n-----BEGIN "))
	if bytes.HasPrefix(d.text, []byte("-----BEGIN ")) {
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
