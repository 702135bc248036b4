// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A balancer stands for the Service: it forwards each new connection to a replica that
// was ready when it last asked, and leaves those that there are alone. As with a Service,
// a client gets no second try where the replica is not there.
type balancer struct {
	net.Listener
	replicas []*replica
	turn     atomic.Int64
}

func newBalancer(replicas ...*replica) (*balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	return &balancer{Listener: listener, replicas: replicas}, err
}

// serve forwards until the listener is closed.
func (b *balancer) serve() {
	for {
		conn, err := b.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go b.forward(conn.(*net.TCPConn))
		}
	}
}

// watch asks the replicas whether they are ready, as kubelets do, only more often.
func (b *balancer) watch(ctx context.Context) {
	for every := time.NewTicker(100 * time.Millisecond); ; {
		for _, r := range b.replicas {
			asking, cancel := context.WithTimeout(ctx, shutdownDelay/4)
			// A machine that is too busy to answer in time says nothing; a kubelet asks
			// three times.
			if err := r.now.Load().Ready(asking); !errors.Is(err, context.DeadlineExceeded) {
				r.ready.Store(err == nil)
			}
			cancel()
		}
		select {
		case <-ctx.Done():
			every.Stop()
			return
		case <-every.C:
		}
	}
}

func (b *balancer) forward(client *net.TCPConn) {
	defer client.Close()
	turn := int(b.turn.Add(1))
	for i := range b.replicas {
		r := b.replicas[(turn+i)%len(b.replicas)]
		if !r.ready.Load() {
			continue
		}
		conn, err := net.Dial("tcp", r.now.Load().Addr)
		if err != nil {
			return
		}
		server := conn.(*net.TCPConn)
		defer server.Close()
		done := make(chan struct{})
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.CloseWrite()
			close(done)
		}()
		_, _ = io.Copy(client, server)
		_ = client.CloseWrite()
		<-done
		return
	}
}
