// SPDX-License-Identifier: Apache-2.0

package serves

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Each kind of request tells a server that serves from one that does not, by the status, by
// the content, and by the connection.
func TestHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); r.Method == http.MethodPost && password != "secret" {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, "it serves")
	}))
	target, port := targetOf(t, server.Listener.Addr())
	for name, test := range map[string]struct {
		check HTTP
		want  string
	}{
		"serves":        {HTTP{Want: "it serves"}, ""},
		"other content": {HTTP{Want: "more"}, `has "it serves", want "more"`},
		"refused":       {HTTP{Method: http.MethodPost}, "403 Forbidden"},
		"wanted status": {HTTP{Method: http.MethodPost, Status: 403}, ""},
		"other status":  {HTTP{Status: 403}, "200 OK"},
		"password":      {HTTP{Method: http.MethodPost, User: "u", Password: "secret"}, ""},
	} {
		test.check.Port, test.check.Path = port, "/"
		check(t, name, All(t.Context(), target, []Check{{HTTP: &test.check}}), test.want)
	}
	server.Close()
	check(t, "closed", All(t.Context(), target, []Check{{HTTP: &HTTP{Port: port, Path: "/"}}}), "connection refused")
}

func TestTCP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 4))
			fmt.Fprint(connection, "po")
			fmt.Fprint(connection, "ng")
			connection.Close()
		}
	}()
	target, port := targetOf(t, listener.Addr())
	check(t, "serves", All(t.Context(), target, []Check{{TCP: &TCP{Port: port, Send: "ping", Want: "pong"}}}), "")
	check(t, "does not", All(t.Context(), target, []Check{{TCP: &TCP{Port: port, Send: "ping", Want: "ping"}}}), `got "pong", want "ping": EOF`)
}

func TestUDP(t *testing.T) {
	t.Parallel()
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for buffer := make([]byte, 16); ; {
			n, from, err := listener.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = listener.WriteTo(append([]byte{1}, buffer[:n]...), from)
		}
	}()
	target, port := targetOf(t, listener.LocalAddr())
	check(t, "serves", All(t.Context(), target, []Check{{UDP: &UDP{Port: port, Hex: "aabb", WantHex: "01aa"}}}), "")
	check(t, "does not", All(t.Context(), target, []Check{{UDP: &UDP{Port: port, Hex: "aabb", WantHex: "02"}}}), "answers 01aabb, want 02…")
}

func TestExec(t *testing.T) {
	t.Parallel()
	target := Target{Exec: func(_ context.Context, command []string) (string, error) {
		if command[0] == "missing" {
			return "", errors.New("no such command")
		}
		return strings.Join(command, " "), nil
	}}
	exec := func(want string, command ...string) error {
		return All(t.Context(), target, []Check{{Exec: &Exec{Command: command, Want: want}}})
	}
	check(t, "serves", exec("a b", "echo", "a", "b"), "")
	check(t, "prints other things", exec("x", "echo", "a"), `prints "echo a", want "x"`)
	check(t, "fails", exec("", "missing"), "no such command")
}

// A server of which nothing is asked does not pass.
func TestNothingAsked(t *testing.T) {
	t.Parallel()
	check(t, "no check", All(t.Context(), Target{}, nil), "no check says")
	check(t, "empty check", All(t.Context(), Target{}, []Check{{}}), "asks for nothing")
}

func targetOf(t *testing.T, address net.Addr) (Target, int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Address: host}, port
}

func check(t *testing.T, name string, got error, want string) {
	t.Helper()
	if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
		t.Errorf("%s: got %v, want %q", name, got, want)
	}
}
