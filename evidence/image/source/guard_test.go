// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
)

// A host that cannot be reached costs its time once, and not once for each image.
func TestUnreachableOnce(t *testing.T) {
	r := NewRegistries(nil, nil, nil)
	dials := 0
	r.guard.next.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
	}
	for _, image := range []string{"registry.example.com/a", "registry.example.com/b", "registry.example.com/c:1"} {
		name, err := Parse(image)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(name).Root(t.Context()); !isDial(err) {
			t.Errorf("%s: %v", image, err)
		}
	}
	if dials != 1 {
		t.Errorf("dialed %d times", dials)
	}
}

func TestMayBePlain(t *testing.T) {
	g := newGuard(nil, []string{"registry.example.com:5000", "Plain.example.com", "10.0.0.1"})
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.9.9.9": true, "[::1]:5000": true, "[::ffff:127.0.0.1]:80": true,
		"registry.example.com:5000": true, "REGISTRY.example.com:5000": true, "plain.example.com": true, "plain.example.com:80": true, "10.0.0.1:5000": true,
		"registry.example.com": false, "registry.example.com:5001": false, "192.168.0.1": false, "10.0.0.2": false,
		"localhost.example.com": false, "127.0.0.1.example.com": false, "example.com": false, "": false,
	} {
		if got := g.mayBePlain(host); got != want {
			t.Errorf("mayBePlain(%q) = %v", host, got)
		}
	}
	for _, bad := range []string{"", "http://registry.example.com", "registry.example.com/app"} {
		if CheckHost(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
