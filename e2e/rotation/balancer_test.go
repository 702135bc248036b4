// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// reuse is for how long the API server may use a connection: each after it begins with
// a handshake.
const reuse = time.Second

// A balancer stands for the Service: it forwards each new connection to one of the
// replicas that are ready.
type balancer struct {
	in       *installation
	listener net.Listener

	// requests is held for reading during each request that the API server may make
	// through here. A connection is ended only while there is none, so that none is
	// ever cut.
	requests sync.RWMutex

	mu    sync.Mutex // guards the following
	turn  int
	links map[*link]bool
	count int // of links, so far
}

// A link is a connection of the API server, forwarded.
type link struct {
	client, replica *net.TCPConn
	done            chan struct{}
}

// newBalancer listens. Serving is for when the replicas are known.
func newBalancer(t *testing.T, in *installation) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return &balancer{in: in, listener: listener, links: map[*link]bool{}}
}

func (b *balancer) addr() string { return b.listener.Addr().String() }

func (b *balancer) serve() {
	for {
		conn, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go b.forward(conn.(*net.TCPConn))
		}
	}
}

// forward hangs up where no replica is ready.
func (b *balancer) forward(client *net.TCPConn) {
	defer client.Close()
	replica := b.dial()
	if replica == nil {
		return
	}
	defer replica.Close()
	l := &link{client, replica, make(chan struct{})}
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
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(client, replica); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(replica, client); ended <- struct{}{} }()
	<-ended
}

// dial connects to the next replica that is ready, and past one that is not there.
func (b *balancer) dial() *net.TCPConn {
	b.mu.Lock()
	b.turn++
	turn := b.turn
	b.mu.Unlock()
	for i := range b.in.replicas {
		if conn, err := b.in.replicas[(turn+i)%len(b.in.replicas)].dial(); err == nil {
			return conn
		}
	}
	return nil
}

// renew ends all the connections that there are, between two requests. It returns when
// the API server has closed them too, so that none of its requests goes to one.
func (b *balancer) renew() {
	b.requests.Lock()
	defer b.requests.Unlock()
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
		case <-time.After(2 * time.Second):
			l.client.Close()
		}
	}
}

// connections says how many there have been.
func (b *balancer) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
