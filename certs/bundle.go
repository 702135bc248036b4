// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// caNamePrefix begins the names of the CAs that this package makes.
const caNamePrefix = "caseharden-ca-"

// casIn returns the certificates in a caBundle, as an API server reads it. Another server
// may use any of them, also those that we did not make. Everything else is ignored.
func casIn(caBundle []byte) []*x509.Certificate {
	var cas []*x509.Certificate
	for block, rest := pem.Decode(caBundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if ca, err := x509.ParseCertificate(block.Bytes); err == nil {
			cas = append(cas, ca)
		}
	}
	return cas
}

// marshalCAs returns a caBundle with each CA once, the oldest first, so that every replica
// writes the same.
func marshalCAs(cas []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, ca := range sortedCAs(cas) {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}) // a Buffer takes all
	}
	return out.Bytes()
}

// sortedCAs returns each CA once, the oldest first.
func sortedCAs(cas []*x509.Certificate) []*x509.Certificate {
	sorted := slices.SortedFunc(slices.Values(cas), func(a, b *x509.Certificate) int {
		return cmp.Or(a.NotBefore.Compare(b.NotBefore), bytes.Compare(a.Raw, b.Raw))
	})
	return slices.CompactFunc(sorted, func(a, b *x509.Certificate) bool { return id(a) == id(b) })
}

// holdsCA reports whether ca is among the CAs.
func holdsCA(cas []*x509.Certificate, ca *x509.Certificate) bool {
	return slices.ContainsFunc(cas, func(other *x509.Certificate) bool { return id(other) == id(ca) })
}

// alive returns the CAs that have not been expired for longer than grace.
func alive(cas []*x509.Certificate, now time.Time, grace time.Duration) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(cas), func(ca *x509.Certificate) bool { return now.After(ca.NotAfter.Add(grace)) })
}

// valid returns the CAs that are valid at now.
func valid(cas []*x509.Certificate, now time.Time) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(cas), func(ca *x509.Certificate) bool { return validAt("", ca, now) != nil })
}
