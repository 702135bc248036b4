// SPDX-License-Identifier: Apache-2.0

package source

import "testing"

func TestMayBePlain(t *testing.T) {
	g, err := newGuard(nil, []string{"registry.example.com:5000", "Plain.example.com", "10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
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
		if _, err := newGuard(nil, []string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
