// SPDX-License-Identifier: Apache-2.0

package balancer

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// A server answers each connection with its name, when the client has closed its side.
type server struct {
	net.Listener
	name  string
	error error
}

func newServer(t *testing.T, name string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
				_, _ = io.WriteString(conn, name)
			}()
		}
	}()
	return &server{Listener: l, name: name}
}

func (s *server) Dial() (*net.TCPConn, error) {
	if s.error != nil {
		return nil, s.error
	}
	return net.DialTCP("tcp", nil, s.Addr().(*net.TCPAddr))
}

func serve(t *testing.T, backends ...Backend) *Balancer {
	t.Helper()
	b, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	go b.Serve(backends...)
	return b
}

func connect(t *testing.T, b *Balancer) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// ask closes its side and returns what it is answered.
func ask(t *testing.T, conn *net.TCPConn) string {
	t.Helper()
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestTurns(t *testing.T) {
	away := newServer(t, "away")
	away.error = ErrNotReady
	b := serve(t, newServer(t, "a"), away, newServer(t, "b"))
	got := map[string]int{}
	for range 6 {
		got[ask(t, connect(t, b))]++
	}
	if got["a"] == 0 || got["b"] == 0 || got["a"]+got["b"] != 6 {
		t.Errorf("the connections went to %v, want a and b", got)
	}
	if n := b.Connections(); n != 6 {
		t.Errorf("%d connections, want 6", n)
	}
}

// A backend that is ready and not there costs the connection.
func TestNoSecondTry(t *testing.T) {
	broken := newServer(t, "broken")
	broken.error = errors.New("connection refused")
	b := serve(t, broken, newServer(t, "a"))
	got := map[string]int{}
	for range 4 {
		got[ask(t, connect(t, b))]++
	}
	if got[""] != 2 || got["a"] != 2 {
		t.Errorf("the connections went to %v, want half of them to none", got)
	}
}

// Renew ends connections, also that of a client which does not close its side.
func TestRenew(t *testing.T) {
	b := serve(t, newServer(t, "a"))
	good, bad := connect(t, b), connect(t, b)
	closed := make(chan error, 1)
	go func() {
		_, err := good.Read(make([]byte, 1))
		good.Close()
		closed <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); b.Connections() < 2 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	b.Renew()
	if err := <-closed; !errors.Is(err, io.EOF) {
		t.Errorf("the client saw %v, want the end", err)
	}
	if _, err := bad.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the other client saw %v, want the end", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.links) > 1 { // that of the other client may be about to go
		t.Errorf("%d connections are left", len(b.links))
	}
}
