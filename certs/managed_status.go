// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Ready returns nil when the certificate being served is valid at now, and every webhook
// has its CA, as far as this replica knows. now is by this replica's clock. The certificate
// must be valid by it or by the API server's clock: one of several API servers may tell a
// wrong time.
func (m *Managed) Ready(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &m.view
	if v.serving == nil {
		return fmt.Errorf("%w: %s", errNotLoaded, m.waitingFor)
	}
	if err := m.served.Ready(now.Add(m.api.Ahead())); err != nil && m.served.Ready(now) != nil {
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

// noteReadiness logs that the replica has not been ready for a second, with the reason, and
// that it is ready again.
func (m *Managed) noteReadiness() {
	reason := ""
	if err := m.Ready(time.Now()); err != nil {
		reason = err.Error()
	}
	m.readiness.set(reason, "because", reason)
}

// noteClock logs and counts a clock that differs from the API server's. A step that
// gives something up waits for both: see [view.plan].
func (m *Managed) noteClock() {
	problem, ahead := "", m.api.Ahead()
	if ahead != 0 {
		problem = "differs"
	}
	m.notices[stepClock].set(problem, "apiServerAhead", ahead.Round(time.Second).String())
}

// report logs and counts an error of a step, unless the step has not recovered from an
// earlier error.
func (m *Managed) report(at step, err error) {
	m.setWaitingFor(err.Error())
	m.notices[at].set("failed", "error", err)
}

// recovered logs that the steps which failed no longer fail.
func (m *Managed) recovered(steps ...step) {
	for _, at := range steps {
		m.notices[at].set("")
	}
}

// setWaitingFor sets why nothing is served yet.
func (m *Managed) setWaitingFor(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waitingFor = why
}

// setValidities sets the validity metrics of all roles. The caller holds the lock.
func (m *Managed) setValidities() {
	v := &m.view
	if v.serving != nil {
		m.metrics.setValidity(roleServing, v.serving.leaf)
		m.metrics.setValidity(roleCA, v.serving.issuer)
	}
	var inUse []*x509.Certificate
	for _, k := range []*keyPair{v.serving, v.secret.current, v.secret.next} {
		if k != nil {
			inUse = append(inUse, k.issuer)
		}
	}
	var next, retired *x509.Certificate
	if v.secret.next != nil {
		next = v.secret.next.issuer
	}
	for _, ca := range v.configuration.trusted {
		if !holdsCA(inUse, ca) && (retired == nil || ca.NotAfter.After(retired.NotAfter)) {
			retired = ca
		}
	}
	m.metrics.setValidity(roleNextCA, next)
	m.metrics.setValidity(roleRetiredCA, retired)
}
