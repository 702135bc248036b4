// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// A fakeConn is one that can be closed, from an address.
type fakeConn struct {
	net.Conn // nil: nothing else may be called
	address  string
	closed   chan struct{}
	once     sync.Once
}

func from(address string) *fakeConn {
	return &fakeConn{address: address, closed: make(chan struct{})}
}

func (f *fakeConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(f.address), Port: 1}
}

func (f *fakeConn) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *fakeConn) isClosed() bool {
	select {
	case <-f.closed:
		return true
	default:
		return false
	}
}

// Which connection goes when there is one too many. In each case there may be
// three; the number is that of the one that is closed.
func TestWhichConnectionGoes(t *testing.T) {
	const (
		opened = http.StateNew
		active = http.StateActive
		idle   = http.StateIdle
		closed = http.StateClosed
	)
	type event struct {
		conn  int
		state http.ConnState
	}
	const nobody = -1
	one := []string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"}
	for _, tt := range []struct {
		name      string
		addresses []string
		events    []event
		want      int
	}{
		{"as many as may be", one, []event{{0, opened}, {1, opened}, {2, opened}}, nobody},
		{"the longest idle", one, []event{{0, opened}, {1, opened}, {2, opened}, {3, opened}}, 0},
		{"idle since its last request", one, []event{{0, opened}, {1, opened}, {2, opened}, {0, active}, {0, idle}, {3, opened}}, 1},
		{"not an active one", one, []event{{0, opened}, {1, opened}, {2, opened}, {0, active}, {3, opened}}, 1},
		{"the new one, of a crowd that is all active", one, []event{{0, active}, {1, active}, {2, active}, {3, opened}}, 3},
		{"one has been closed before", one, []event{{0, opened}, {1, opened}, {2, opened}, {1, closed}, {3, opened}}, nobody},
		{"one has been hijacked before", one, []event{{0, opened}, {1, opened}, {2, opened}, {1, http.StateHijacked}, {3, opened}}, nobody},
		{"closed twice", one, []event{{0, opened}, {0, closed}, {0, closed}, {1, opened}, {2, opened}, {3, opened}}, nobody},
		{"of the address with most", []string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"}, []event{{0, opened}, {1, opened}, {2, opened}, {3, opened}}, 1},
		{"of the address with most, even an active one", []string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"}, []event{{0, opened}, {1, active}, {2, active}, {3, opened}}, 1},
		{"of the address with most, the idle one", []string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"}, []event{{0, opened}, {1, active}, {2, opened}, {3, opened}}, 2},
		{"every address has one", []string{"10.0.0.1", "10.0.0.2", "fd00::1", "10.0.0.4"}, []event{{0, opened}, {1, opened}, {2, opened}, {3, opened}}, 0},
		{"every address has one, and idle is only the new one", []string{"10.0.0.1", "10.0.0.2", "fd00::1", "10.0.0.4"}, []event{{0, active}, {1, active}, {2, active}, {3, opened}}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newConnections(3)
			var conns []*fakeConn
			for _, address := range tt.addresses {
				conns = append(conns, from(address))
			}
			for _, e := range tt.events {
				c.track(conns[e.conn], e.state)
			}
			for i, conn := range conns {
				if conn.isClosed() != (i == tt.want) {
					t.Errorf("connection %d: closed = %t, want that of %d", i, conn.isClosed(), tt.want)
				}
			}
		})
	}
}

// Whatever the order in which servers report, nothing is left at the end, and
// there are never more than the maximum.
func TestConnectionsUnderRace(t *testing.T) {
	const most = 10
	c := newConnections(most)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			conn := from("10.0.0." + strconv.Itoa(i%5))
			c.track(conn, http.StateNew)
			// A server goes on for a while with a connection that has been closed
			// under its feet.
			for range 20 {
				c.track(conn, http.StateActive)
				c.track(conn, http.StateIdle)
				c.mu.Lock()
				n := len(c.open)
				c.mu.Unlock()
				if n > most {
					t.Errorf("%d connections are open, want at most %d", n, most)
				}
			}
			c.track(conn, http.StateClosed)
		})
	}
	all.Wait()
	if len(c.open) != 0 || len(c.perAddress) != 0 {
		t.Errorf("left at the end: %v, %v", c.open, c.perAddress)
	}
}
