// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caseharden/caseharden/certs"
)

// probes answers the kubelet's questions.
type probes struct {
	source       certs.Source
	shuttingDown atomic.Bool
}

// register adds the answer of readyz to the metrics, for alerts that have nothing else
// to ask.
func (p *probes) register(registerer prometheus.Registerer) {
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "caseharden_ready",
		Help: "1 while /readyz says that reviews may be sent here, else 0.",
	}, func() float64 {
		if p.ready() != nil {
			return 0
		}
		return 1
	}))
}

// ready returns nil if reviews may be sent here, and otherwise why not.
func (p *probes) ready() error {
	if p.shuttingDown.Load() {
		return errors.New("shutting down")
	}
	return p.source.Ready(time.Now())
}

// healthz says that the process runs, and no more: a restart would not fix
// what readyz reports.
func (p *probes) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

func (p *probes) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := p.ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
