// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// maxConnections is far more than the API servers of a cluster open (each keeps
// one or a few), and bounds what idle ones can take: about 50 kB each.
const maxConnections = 1000

// connections keeps the number of open connections at a maximum by closing the
// one that has been idle for longest. Refusing new ones instead would let idle
// clients lock the API server out.
type connections struct {
	max int

	mu   sync.Mutex                 // guards the following
	idle *list.List                 // of net.Conn, the longest idle first
	open map[net.Conn]*list.Element // its place in idle; nil while it is active
}

func newConnections(max int) *connections {
	return &connections{max: max, idle: list.New(), open: map[net.Conn]*list.Element{}}
}

// track must be the ConnState of the server.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.open[conn]; element != nil {
		c.idle.Remove(element)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.open[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.open[conn] = nil
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	}
	for len(c.open) > c.max && c.idle.Len() > 0 {
		longest := c.idle.Remove(c.idle.Front()).(net.Conn)
		delete(c.open, longest)
		abort(longest)
	}
}

// abort closes a connection without the farewell of TLS, which may block.
func abort(conn net.Conn) {
	if tlsConn, ok := conn.(*tls.Conn); ok {
		conn = tlsConn.NetConn()
	}
	conn.Close()
}
