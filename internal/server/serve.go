// SPDX-License-Identifier: Apache-2.0

// Package server serves the webhook over TLS, and metrics and probes without. Serve reads as
// the architecture; limit.go bounds what reviews take, by what weight.go says of them.
package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caseharden/caseharden/certs"
	"github.com/caseharden/caseharden/defaults"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// drainTimeout bounds how long requests under way may take to end. It is longer
// than all the timeouts of one request together.
const drainTimeout = readTimeout + writeTimeout

// heapFloor is kept allocated and never touched: it takes address space, and no memory.
// Go collects garbage each time that the heap has doubled. Ours is 3 MiB without it, so
// that every sixty reviews would pay for a collection, a fifth of all CPU. With a larger
// GOGC instead, a heap that is large would double too.
const heapFloor = 8 << 20

// Options say what to serve.
type Options struct {
	Profiles []*defaults.Profile

	Webhook net.Listener // reviews, over TLS
	TLS     *tls.Config  // without the certificate
	Source  certs.Source // of the certificate

	Plain         net.Listener // metrics and probes
	Registry      *prometheus.Registry
	MaxNamespaces int // that have metric series of their own

	ShutdownDelay     time.Duration // how long to serve on, unready, while endpoints catch up
	Version, Revision string        // of the source, for the metrics
}

// Serve runs the webhook until the context ends, then drains it.
func Serve(ctx context.Context, o Options, logger *slog.Logger) error {
	defer runtime.KeepAlive(make([]byte, heapFloor))

	registry := o.Registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registerBuildInfo(registry, o.Version, o.Revision)
	handler := NewHandler(o.Profiles, NewMetrics(registry, o.Profiles, o.MaxNamespaces), logger)

	probes := &probes{source: o.Source}
	probes.register(registry)
	connections := newConnections(maxConnections)
	webhook := newServer(sendingAway(&probes.shuttingDown, handler), connections, logger)
	webhook.TLSConfig = o.TLS.Clone()
	webhook.TLSConfig.GetCertificate = o.Source.GetCertificate

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", newScrapes(promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})))
	mux.HandleFunc("GET /healthz", probes.healthz)
	mux.HandleFunc("GET /readyz", probes.readyz)
	plain := newServer(mux, newConnections(maxPlainConnections), logger)

	// Nothing after this line stops on the context alone: the servers go on until
	// they are drained, and so does the certificate.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 3)
	go func() { ended <- webhook.ServeTLS(o.Webhook, "", "") }()
	go func() { ended <- plain.Serve(o.Plain) }()
	go func() { ended <- o.Source.Run(running) }()
	logger.Info("serving", "profiles", strings.Join(slices.Sorted(maps.Keys(handler.profiles)), ","), "addr", o.Webhook.Addr().String(), "metricsAddr", o.Plain.Addr().String())

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	probes.shuttingDown.Store(true)
	logger.Info("shutting down: unready, and serving on while endpoints catch up", "delay", o.ShutdownDelay.String())
	select {
	case err := <-ended:
		return err
	case <-time.After(o.ShutdownDelay):
	}
	draining, cancel := context.WithTimeout(running, drainTimeout)
	defer cancel()
	if err := drain(draining, webhook, o.Webhook, connections); err != nil {
		return fmt.Errorf("requests were still under way after %s: %w", drainTimeout, err)
	}
	logger.Info("drained")
	return plain.Close()
}

func registerBuildInfo(registerer prometheus.Registerer, version, revision string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "caseharden_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	})
	info.Set(1)
	registerer.MustRegister(info)
}
