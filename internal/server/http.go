// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
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

	// maxRequests bounds what requests take apart from their bodies: a stack, a header
	// and a buffer each (requestBytes). Many more than these cannot be reviews, each of
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
	// That the listener was closed before is known; it comes when all else is done.
	if err := server.Shutdown(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
