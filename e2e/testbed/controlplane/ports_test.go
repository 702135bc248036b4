// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"net"
	"testing"
)

// TestTakenPorts has the first pick of each server be a port in use.
func TestTakenPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	picks := 0
	firstTaken := func() (int, error) {
		if picks++; picks == 1 {
			return taken, nil
		}
		return freePort()
	}

	o := options(t)
	c := &ControlPlane{dir: t.TempDir(), binaries: o.Binaries, log: o.Log}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if c.access, err = newAccess(c.dir, ""); err != nil {
		t.Fatal(err)
	}
	if err := c.writeAuditPolicy(""); err != nil {
		t.Fatal(err)
	}
	if err := c.startEtcd(t.Context(), firstTaken); err != nil {
		t.Fatal(err)
	}
	if picks != 2 {
		t.Errorf("etcd: %d ports tried, want 2", picks)
	}
	picks = 0
	if err := c.startAPIServer(t.Context(), firstTaken); err != nil {
		t.Fatal(err)
	}
	if picks != 2 {
		t.Errorf("kube-apiserver: %d ports tried, want 2", picks)
	}
}

func TestPortsGivenUp(t *testing.T) {
	tries := 0
	err := onPort(t.Context(), freePort, func(int) error {
		tries++
		return errPortTaken
	})
	if !errors.Is(err, errPortTaken) || tries != 5 {
		t.Errorf("ports all taken: %v after %d tries, want %v after 5", err, tries, errPortTaken)
	}
}
