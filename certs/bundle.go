// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"
)

// caNamePrefix begins the names of the CAs that this package makes.
const caNamePrefix = "caseharden-ca-"

// ownCAs returns the CAs in a caBundle that this package has made. Whatever else is
// there, nobody can serve with it, so that it is passed over.
func ownCAs(caBundle []byte) []*x509.Certificate {
	var own []*x509.Certificate
	for block, rest := pem.Decode(caBundle); block != nil; block, rest = pem.Decode(rest) {
		ca, err := x509.ParseCertificate(block.Bytes)
		if err == nil && ca.IsCA && strings.HasPrefix(ca.Subject.CommonName, caNamePrefix) {
			own = append(own, ca)
		}
	}
	return own
}

// marshalCAs writes a caBundle: each CA once, the oldest first, so that every replica
// writes the same.
func marshalCAs(cas []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, ca := range sortedCAs(cas) {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}) // a Buffer takes all
	}
	return out.Bytes()
}

func sortedCAs(cas []*x509.Certificate) []*x509.Certificate {
	sorted := slices.SortedFunc(slices.Values(cas), func(a, b *x509.Certificate) int {
		return cmp.Or(a.NotBefore.Compare(b.NotBefore), bytes.Compare(a.Raw, b.Raw))
	})
	return slices.CompactFunc(sorted, func(a, b *x509.Certificate) bool { return id(a) == id(b) })
}

func holdsCA(cas []*x509.Certificate, ca *x509.Certificate) bool {
	return slices.ContainsFunc(cas, func(other *x509.Certificate) bool { return id(other) == id(ca) })
}

// alive leaves out CAs that have expired some time ago: nobody can serve with them.
func alive(cas []*x509.Certificate, now time.Time, some time.Duration) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(cas), func(ca *x509.Certificate) bool { return now.After(ca.NotAfter.Add(some)) })
}
