// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Beyond the limit a server hangs up; it is as before once one of the others has
// been answered.
func TestLimited(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(limited(2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		began <- struct{}{}
		<-release
	})))
	defer server.Close()
	answered := make(chan error)
	get := func() {
		response, err := http.Get(server.URL)
		if err == nil {
			response.Body.Close()
		}
		answered <- err
	}
	for range 2 {
		go get()
		<-began
	}
	go get()
	if err := <-answered; err == nil {
		t.Error("the third request was answered")
	}
	release <- struct{}{}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	go get()
	<-began
	close(release)
	for range 2 {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}

// No timeout and no limit of net/http stays at "none", or at a default that is
// for other servers.
func TestEveryLimitIsSet(t *testing.T) {
	s := newServer(http.NotFoundHandler(), newConnections(1), slog.New(slog.NewTextHandler(io.Discard, nil)))
	for name, set := range map[string]bool{
		"ReadHeaderTimeout":                   s.ReadHeaderTimeout > 0,
		"ReadTimeout":                         s.ReadTimeout > s.ReadHeaderTimeout,
		"WriteTimeout":                        s.WriteTimeout > s.ReadTimeout,
		"IdleTimeout":                         s.IdleTimeout > 0,
		"MaxHeaderBytes":                      s.MaxHeaderBytes > 0,
		"ConnState":                           s.ConnState != nil,
		"HTTP2.MaxConcurrentStreams":          s.HTTP2.MaxConcurrentStreams > 0,
		"HTTP2.MaxReceiveBufferPerConnection": s.HTTP2.MaxReceiveBufferPerConnection > 0,
		"HTTP2.MaxReceiveBufferPerStream":     s.HTTP2.MaxReceiveBufferPerStream > 0,
		"HTTP2.MaxReadFrameSize":              s.HTTP2.MaxReadFrameSize > 0,
		"HTTP2.WriteByteTimeout":              s.HTTP2.WriteByteTimeout > 0,
	} {
		if !set {
			t.Errorf("%s is not set", name)
		}
	}
}

// A request on a connection that was opened before the shutdown is answered, also where
// nothing of it had come by then. Server.Shutdown alone hangs up on it.
func TestDrainAwaitsFirstRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections := newConnections(10)
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	s := newServer(answer, connections, slog.New(slog.NewTextHandler(io.Discard, nil)))
	go func() { _ = s.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "connected", connections.anyFresh)

	drained := make(chan error)
	go func() { drained <- drain(t.Context(), s, listener, connections) }()
	eventually(t, "refusing connections", func() bool {
		late, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			late.Close()
		}
		return err != nil
	})
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%v, %v, want 200", response, err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// eventually tries until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	const patience = 20 * time.Second
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s: not %s", patience, what)
		}
	}
}
