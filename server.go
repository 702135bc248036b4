// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/caseharden/caseharden/certs"
)

// The timeouts of one request. An API server waits for at most 30 s (the largest
// timeoutSeconds), and by default for 10; a pod's review arrives in milliseconds.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second // header and body
	writeTimeout  = 15 * time.Second // from the end of the header to the end of the answer

	// An API server drops a connection that was idle for 90 s. To be the first to
	// do so would be to race with its next request.
	idleTimeout = 2 * time.Minute

	maxHeaderBytes = 32 << 10
)

// newServer returns a server with every timeout set.
func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What net/http reports are the mistakes of clients, such as an aborted
		// handshake: at Debug, so that a port scan does not flood the log.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// ephemeralLifetime is longer than anybody keeps a local process running.
const ephemeralLifetime = 365 * 24 * time.Hour

func newSource(o serveOptions, logger *slog.Logger, metrics *certs.Metrics) (certs.Source, error) {
	if o.tlsCert != "" {
		return certs.NewFiles(o.tlsCert, o.tlsKey, logger, metrics)
	}
	ephemeral, err := certs.NewEphemeral([]string{"localhost", "127.0.0.1", "::1"}, time.Now(), ephemeralLifetime, metrics)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(o.caFile, ephemeral.CAPEM(), 0o644); err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	return ephemeral, nil
}

func newTLSConfig(o serveOptions, source certs.Source) (*tls.Config, error) {
	config := &tls.Config{GetCertificate: source.GetCertificate}
	switch o.tlsMinVersion {
	case "1.2":
		config.MinVersion = tls.VersionTLS12
	case "1.3":
		config.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("--tls-min-version %q: must be 1.2 or 1.3", o.tlsMinVersion)
	}
	if o.clientCA != "" {
		pem, err := os.ReadFile(o.clientCA)
		if err != nil {
			return nil, fmt.Errorf("--client-ca: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--client-ca %q: holds no certificate in PEM", o.clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// probes answers the kubelet's questions.
type probes struct {
	source       certs.Source
	shuttingDown atomic.Bool
}

// healthz says that the process runs, and no more: a restart would not mend
// anything that readyz reports.
func (p *probes) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

func (p *probes) readyz(w http.ResponseWriter, _ *http.Request) {
	if p.shuttingDown.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	if err := p.source.Ready(time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
