// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
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

	// A review comes with a few hundred bytes of header, and at most a bearer token.
	maxHeaderBytes = 16 << 10

	// maxRequests bounds what requests take besides their bodies: a stack, a header
	// and a buffer each, some 50 kB. Many more than these cannot be reviews, each of
	// which is done in milliseconds, and has a connection of its own over HTTP/1.1.
	maxRequests = 1000

	// maxStreams is how many reviews one HTTP/2 connection carries at a time. An API
	// server speaks HTTP/2 to a webhook on loopback only, and opens another connection
	// for more.
	maxStreams = 100

	// minHTTP2Buffer is the least that HTTP/2 allows a server to receive ahead of
	// the handler, by connection. Go's default of 1 MiB, for every connection of a
	// crowd that sends to a handler which waits, would be all our memory; and across
	// a cluster 64 KiB for each round trip are plenty.
	minHTTP2Buffer = 64 << 10

	// minHTTP2Frame is the least that HTTP/2 allows a server to accept as a frame.
	// Each connection keeps a buffer as large as the largest it has announced.
	minHTTP2Frame = 16 << 10
)

// newServer returns a server with every timeout and every limit set.
func newServer(handler http.Handler, connections *connections, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           limited(maxRequests, handler),
		ConnState:         connections.track,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: minHTTP2Buffer,
			MaxReceiveBufferPerStream:     minHTTP2Buffer,
			MaxReadFrameSize:              minHTTP2Frame,
			// WriteTimeout ends a stream only: a client that reads nothing would keep
			// its connection, and all that waits to be written to it.
			WriteByteTimeout: writeTimeout,
		},
		// What net/http reports are the mistakes of clients, such as an aborted
		// handshake: at Debug, so that a port scan does not flood the log.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// limited lets the handler answer at most so many requests at a time, and hangs
// up on those beyond. It does not say so to them, because an answer that a
// client does not take stays in the memory that is to be saved.
func limited(most int64, handler http.Handler) http.Handler {
	var inFlight atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer inFlight.Add(-1)
		if inFlight.Add(1) > most {
			panic(http.ErrAbortHandler) // net/http's way to do it
		}
		handler.ServeHTTP(w, r)
	})
}

// sendingAway lets each answer end its connection (over HTTP/2: once its other streams
// have ended) as soon as shuttingDown is set, so that clients come back on a new one, to
// another replica. Without that an API server, which speaks HTTP/1.1 to a Service and
// keeps its connections, could send a review on one in the moment in which the server
// closes it, and cannot send it again.
func sendingAway(shuttingDown *atomic.Bool, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shuttingDown.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}

// drain answers what has been accepted, and then ends the server. A connection that comes
// later is refused, so that a client turns to another replica.
//
// Server.Shutdown alone would lose reviews: from then on net/http reads the first request
// of a connection, and hangs up. So it is called when there is no such connection any
// more. Each has a request, or is closed, within headerTimeout for the handshake and once
// more for the header.
func drain(ctx context.Context, server *http.Server, listener net.Listener, connections *connections) error {
	listener.Close()
	for connections.anyFresh() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	// That the listener was closed before is no news; it comes when all else is done.
	if err := server.Shutdown(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// ephemeralLifetime is longer than anybody keeps a local process running.
const ephemeralLifetime = 365 * 24 * time.Hour

func newSource(o serveOptions, logger *slog.Logger, metrics *certs.Metrics) (certs.Source, error) {
	if o.tlsCert != "" {
		files, err := certs.NewFiles(o.tlsCert, o.tlsKey, logger, metrics)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return files, nil
	}
	if o.managed.secret != "" {
		return newManagedSource(o.managed, logger, metrics)
	}
	ephemeral, err := certs.NewEphemeral([]string{"localhost", "127.0.0.1", "::1"}, time.Now(), ephemeralLifetime, metrics)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(o.caFile, ephemeral.CAPEM(), 0o644); err != nil {
		return nil, fmt.Errorf("--ca-file %q: %w", o.caFile, withoutPath(err))
	}
	return ephemeral, nil
}

// newTLSConfig returns what the flags say of TLS. The certificate is for the
// caller to add.
func newTLSConfig(o serveOptions) (*tls.Config, error) {
	config := &tls.Config{}
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
			return nil, fmt.Errorf("--client-ca %q: %w", o.clientCA, withoutPath(err))
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--client-ca %q: holds no certificate in PEM", o.clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if names := o.clientAllowedNames; len(names) > 0 {
		// Not VerifyPeerCertificate, which resumed sessions do not call.
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; !slices.Contains(names, name) {
				return fmt.Errorf("client certificate: common name %q is not among --client-allowed-names", name)
			}
			return nil
		}
	}
	return config, nil
}

// withoutPath leaves out the path, which the message has already.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// listen opens a listener on the address that a flag gives.
func listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		err = opErr.Err // without the address, which the message has already
	}
	if addrErr, ok := errors.AsType[*net.AddrError](err); ok {
		return nil, fmt.Errorf("%s %q: %s: must be HOST:PORT or :PORT", flag, address, addrErr.Err)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %q: something listens there already: choose another address, or end it", flag, address)
	}
	return nil, fmt.Errorf("%s %q: %w", flag, address, err)
}
