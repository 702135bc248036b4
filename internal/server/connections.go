// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// The most connections that are open at a time. An API server speaks HTTP/1.1 to a
// Service, so that it has one for each review that is under way: at most as many as it
// answers requests at a time (600, by the defaults of its --max-requests-inflight and
// --max-mutating-requests-inflight together), of which it keeps 25 when they are idle.
// 1000 is more than three such API servers send to each of two replicas, and bounds what
// idle ones take, at about 100 kB each. A kubelet and a Prometheus need fewer.
const (
	maxConnections      = 1000
	maxPlainConnections = 100
)

// connections keeps the number of open connections at a maximum, by closing one
// for each that is too many. Refusing new ones instead would let anybody lock
// the API servers out by doing nothing. The one to go is
//
//	of the address that has most of them      so that a crowd harms itself first
//	idle rather than active                   so that a request is the last thing to be lost
//	in this state for longest
//
// An API server that has few connections keeps them even while somebody else fills
// the table with active ones: it loses none before the other has as few. One that is
// busy creating pods has as many as it has reviews under way, and may lose some. Who
// shares its address, behind a NAT, can crowd it out; --client-ca helps there, since
// without a certificate no connection ever becomes active.
type connections struct {
	max int

	mu         sync.Mutex // guards the following
	open       map[net.Conn]connection
	perAddress map[string]int // how many are open
	changes    uint64         // of state, so far
}

type connection struct {
	address string // without the port
	fresh   bool   // nothing of a request has come over it
	active  bool
	since   uint64 // the change that brought it into its state
}

func newConnections(max int) *connections {
	return &connections{max: max, open: map[net.Conn]connection{}, perAddress: map[string]int{}}
}

// track must be the ConnState of the server. Over HTTP/2 a connection is active
// while it has a stream, and idle again after its last.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		c.remove(conn)
		return
	}
	this, known := c.open[conn]
	if !known {
		this.address = addressOf(conn)
		c.perAddress[this.address]++
	}
	c.changes++
	this.fresh, this.active, this.since = state == http.StateNew, state == http.StateActive, c.changes
	c.open[conn] = this
	for len(c.open) > c.max {
		victim := c.victim()
		c.remove(victim)
		abort(victim)
	}
}

// anyFresh reports whether there is a connection over which the first request is still to
// come.
func (c *connections) anyFresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, this := range c.open {
		if this.fresh {
			return true
		}
	}
	return false
}

func (c *connections) remove(conn net.Conn) {
	old, found := c.open[conn]
	if !found {
		return
	}
	delete(c.open, conn)
	if c.perAddress[old.address]--; c.perAddress[old.address] == 0 {
		delete(c.perAddress, old.address)
	}
}

// victim looks at all the connections, which costs far less than the handshake
// of the one for which it has to.
func (c *connections) victim() net.Conn {
	var found net.Conn
	var worst connection
	for conn, this := range c.open {
		if found == nil || c.compare(this, worst) < 0 {
			found, worst = conn, this
		}
	}
	return found
}

// compare is negative when a is to go before b.
func (c *connections) compare(a, b connection) int {
	return cmp.Or(
		cmp.Compare(c.perAddress[b.address], c.perAddress[a.address]),
		compareBool(a.active, b.active),
		cmp.Compare(a.since, b.since),
	)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func addressOf(conn net.Conn) string {
	address := conn.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// abort closes a connection without the farewell of TLS, which may block.
func abort(conn net.Conn) {
	if tlsConn, ok := conn.(*tls.Conn); ok {
		conn = tlsConn.NetConn()
	}
	conn.Close()
}
