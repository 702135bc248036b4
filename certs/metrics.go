// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A role is what a certificate is for: a label value.
type role string

const (
	roleServing   role = "serving"
	roleCA        role = "ca"         // of the serving certificate
	roleNextCA    role = "next_ca"    // of the next key pair
	roleRetiredCA role = "retired_ca" // the last to expire of all other CAs in every caBundle
)

// Metrics are the collectors of this package. One Metrics is for one [Source].
type Metrics struct {
	notBefore, notAfter *prometheus.GaugeVec // by role
	rotations           prometheus.Counter
	errors              *prometheus.CounterVec // by step

	registerer prometheus.Registerer
	reconcile  prometheus.Gauge // of [Files] and [Managed]; nothing renews an [Ephemeral]
}

// NewMetrics registers the collectors with r, which must not have them already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		registerer: r,
		notBefore: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "caseharden_certificate_not_before_timestamp_seconds",
			Help: "When the certificate became valid, in seconds since the epoch; with not_after, how long it lives.",
		}, []string{"role"}),
		notAfter: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "caseharden_certificate_not_after_timestamp_seconds",
			Help: "When the certificate expires, in seconds since the epoch; there is no series for a role that caseharden holds none of.",
		}, []string{"role"}),
		rotations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "caseharden_certificate_rotations_total",
			Help: "How often a new serving certificate has taken the place of another.",
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseharden_certificate_errors_total",
			Help: "Errors on the way to a new serving certificate, each counted once however long it lasts.",
		}, []string{"step"}),
	}
	// Counters exist at zero from the start. An expiry at zero would mean that the
	// certificate expired in 1970, so that series begins with the first certificate.
	for _, s := range filesSteps {
		m.errors.WithLabelValues(string(s))
	}
	r.MustRegister(m.notBefore, m.notAfter, m.rotations, m.errors)
	return m
}

// addReconcile registers the metric of a [Source] that renews its certificate.
func (m *Metrics) addReconcile() {
	m.reconcile = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "caseharden_certificate_last_reconcile_timestamp_seconds",
		Help: "When the files, or the Secret and the webhook configuration, were last known to be as they should be, or made so, in seconds since the epoch.",
	})
	m.registerer.MustRegister(m.reconcile)
}

// reconciled notes that everything was as it should be at now.
func (m *Metrics) reconciled(now time.Time) {
	m.reconcile.Set(float64(now.UnixMilli()) / 1000)
}

// setValidity sets when the certificate of a role becomes valid and when it expires. For
// nil, it removes both series.
func (m *Metrics) setValidity(r role, c *x509.Certificate) {
	if c == nil {
		m.notBefore.DeleteLabelValues(string(r))
		m.notAfter.DeleteLabelValues(string(r))
		return
	}
	m.notBefore.WithLabelValues(string(r)).Set(float64(c.NotBefore.Unix()))
	m.notAfter.WithLabelValues(string(r)).Set(float64(c.NotAfter.Unix()))
}
