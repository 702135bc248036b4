// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// readiness is what was logged of it, and what may be next.
type readiness struct {
	said  string    // why it was not ready; empty where it was
	seen  string    // the same, now
	since time.Time // when that was seen first
}

// sayReadiness logs when readiness is lost and for what reason, once that has lasted for
// a second, and when it is back.
func (m *Managed) sayReadiness(now time.Time) {
	reason := ""
	if err := m.Ready(now); err != nil {
		reason = err.Error()
	}
	m.mu.Lock()
	r := &m.readiness
	if reason != r.seen {
		r.seen, r.since = reason, now
	}
	say := reason != r.said && (reason == "" || now.Sub(r.since) >= time.Second)
	if say {
		r.said = reason
	}
	m.mu.Unlock()
	switch {
	case !say:
	case reason == "":
		m.logger.Info("certificates: ready")
	default:
		m.logger.Warn("certificates: not ready", "because", reason)
	}
}

func (m *Managed) note(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waitingFor = why
}

// Ready returns nil when the certificate being served is valid at now, and every
// webhook has its CA, as far as was heard. The argument is by this replica's clock; the
// API server's clock decides.
func (m *Managed) Ready(now time.Time) error {
	now = now.Add(m.api.Ahead())
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &m.view
	if v.serving == nil {
		return fmt.Errorf("%w: %s", errNotLoaded, m.waitingFor)
	}
	if err := m.served.Ready(now); err != nil {
		return err
	}
	switch {
	case !v.configuration.exists:
		return errors.New("there is no webhook configuration")
	case !v.configuration.trusts(v.serving):
		return errors.New("the CA of the serving certificate is not in every caBundle of the webhook configuration")
	}
	return nil
}

// setValidities says when what there is expires. The caller holds the lock.
func (m *Managed) setValidities() {
	var current, next *x509.Certificate
	if c := m.view.serving; c != nil {
		current = c.issuer
		m.metrics.setValidity(roleServing, c.leaf)
		m.metrics.setValidity(roleCA, current)
	}
	var promoted *x509.Certificate // and not served yet
	if c := m.view.secret.next; c != nil {
		next = c.issuer
	}
	if c := m.view.secret.current; c != nil {
		promoted = c.issuer
	}
	var retired *x509.Certificate
	for _, ca := range m.view.configuration.trusted {
		if slices.ContainsFunc([]*x509.Certificate{current, next, promoted}, func(other *x509.Certificate) bool { return other != nil && id(other) == id(ca) }) {
			continue
		}
		if retired == nil || ca.NotAfter.After(retired.NotAfter) {
			retired = ca
		}
	}
	for role, ca := range map[role]*x509.Certificate{roleNextCA: next, roleRetiredCA: retired} {
		m.metrics.setValidity(role, ca)
	}
}
