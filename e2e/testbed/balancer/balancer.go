// SPDX-License-Identifier: Apache-2.0

// Package balancer stands for a Service.
package balancer

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// ErrNotReady is the error of a Backend that gets no connections.
var ErrNotReady = errors.New("not ready")

// A Backend is a pod of the Service.
type Backend interface {
	// Dial connects to the pod. ErrNotReady has the balancer try the next one.
	Dial() (*net.TCPConn, error)
}

// A Balancer forwards each new connection to one of the backends that are ready, in turn,
// and leaves those that there are alone. As with a Service, a client gets no second try
// where a backend is ready and not there.
type Balancer struct {
	listener net.Listener

	mu    sync.Mutex // guards the following
	turn  int
	links map[*link]bool
	count int // of links, so far
}

// A link is a connection, forwarded.
type link struct {
	client, backend *net.TCPConn
	done            chan struct{}
}

const (
	// lastAnswer is for how long a backend may go on to answer a client that has closed
	// its side.
	lastAnswer = time.Second

	// renewal is for how long Renew waits for a client to close its side.
	renewal = 2 * time.Second
)

// Listen returns a Balancer that does not serve yet. The caller must call Close.
func Listen() (*Balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	return &Balancer{listener: listener, links: map[*link]bool{}}, err
}

// Addr returns host:port, where the Balancer listens.
func (b *Balancer) Addr() string { return b.listener.Addr().String() }

// Close ends Serve. Connections stay.
func (b *Balancer) Close() error { return b.listener.Close() }

// Serve forwards connections to the backends until Close.
func (b *Balancer) Serve(backends ...Backend) {
	for {
		conn, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go b.forward(conn.(*net.TCPConn), backends)
		}
	}
}

// forward hangs up where no backend is ready.
func (b *Balancer) forward(client *net.TCPConn, backends []Backend) {
	defer client.Close()
	backend := b.dial(backends)
	if backend == nil {
		return
	}
	defer backend.Close()
	l := &link{client, backend, make(chan struct{})}
	defer close(l.done)
	b.mu.Lock()
	b.links[l] = true
	b.count++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.links, l)
		b.mu.Unlock()
	}()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(backend, client)
		_ = backend.CloseWrite()
		_ = backend.SetReadDeadline(time.Now().Add(lastAnswer))
	}()
	_, _ = io.Copy(client, backend)
	_ = client.CloseWrite()
	<-sent
}

// dial connects to the next backend that is ready.
func (b *Balancer) dial(backends []Backend) *net.TCPConn {
	b.mu.Lock()
	b.turn++
	turn := b.turn
	b.mu.Unlock()
	for i := range backends {
		conn, err := backends[(turn+i)%len(backends)].Dial()
		if !errors.Is(err, ErrNotReady) {
			return conn
		}
	}
	return nil
}

// Renew ends all the connections that there are, and returns when the clients have closed
// them too. The caller makes sure that no request is on its way, as it would be cut.
func (b *Balancer) Renew() {
	b.mu.Lock()
	var links []*link
	for l := range b.links {
		links = append(links, l)
	}
	b.mu.Unlock()
	for _, l := range links {
		_ = l.client.CloseWrite()
	}
	for _, l := range links {
		select {
		case <-l.done:
		case <-time.After(renewal):
			l.client.Close()
			l.backend.Close()
		}
	}
}

// Connections returns how many there have been.
func (b *Balancer) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
