// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// Ephemeral is a [Source] for local use: one certificate, made at the start and held in
// memory only. It cannot be renewed, since clients trust its CA and the key of that CA is
// gone. When the certificate has expired, [Ephemeral.Ready] returns an error: start a new
// process.
type Ephemeral struct {
	served
	ca []byte
}

var _ Source = (*Ephemeral)(nil)

// NewEphemeral makes a certificate for hosts, each a DNS name (which may begin
// with "*.") or an IP address, that is valid until now + lifetime.
func NewEphemeral(hosts []string, now time.Time, lifetime time.Duration, metrics *Metrics) (*Ephemeral, error) {
	k, err := newKeyPair(hosts, now, lifetime)
	if err != nil {
		return nil, err
	}
	e := &Ephemeral{ca: k.ca}
	e.certificate.Store(k.certificate)
	metrics.setValidity(roleServing, k.leaf)
	metrics.setValidity(roleCA, k.issuer)
	return e, nil
}

// CAPEM returns the certificate of the CA, for clients to trust.
func (e *Ephemeral) CAPEM() []byte {
	return bytes.Clone(e.ca)
}

// Run only waits until ctx is done, and then returns nil.
func (e *Ephemeral) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// splitHosts returns the DNS names and the IP addresses among hosts. Anything else, such
// as "localhost:8443", is an error: X.509 allows it, and no client matches it.
func splitHosts(hosts []string) (dnsNames []string, ips []net.IP, err error) {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			ips = append(ips, ip)
			continue
		}
		if !isDNSName(host) {
			return nil, nil, fmt.Errorf("host %q: neither a DNS name nor an IP address", host)
		}
		dnsNames = append(dnsNames, host)
	}
	return dnsNames, ips, nil
}

// isDNSName reports whether name is a DNS name by RFC 1123. It allows the underscore, which
// the name of a machine may have and crypto/x509 matches.
func isDNSName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return true
}
