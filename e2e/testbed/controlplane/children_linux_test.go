// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// parentVariable has the test binary be the parent of a control plane in the
// directory that it names.
const parentVariable = "CONTROLPLANE_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		parent(dir)
	}
	os.Exit(m.Run())
}

// parent starts a control plane, says where it is, and never stops it.
func parent(dir string) {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(c.apiServer)
	select {}
}

func TestChildrenDieWithParent(t *testing.T) {
	options(t) // so that the parent has nothing to build
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentVariable+"="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 4096)
	n, err := stdout.Read(said)
	address := strings.TrimSpace(string(said[:n]))
	before := processesIn(t, dir)
	if killed := cmd.Process.Kill(); killed != nil {
		t.Fatal(killed)
	}
	_ = cmd.Wait() // it was killed

	if _, _, notAddress := net.SplitHostPort(address); err != nil || notAddress != nil {
		t.Fatalf("the parent said %q, %v, want an address", address, err)
	}
	if len(before) != 2 {
		t.Errorf("before the parent was killed %d processes ran, want etcd and kube-apiserver", len(before))
	}
	bedtest.Soon(t, "the end of the children", func() bool { return len(processesIn(t, dir)) == 0 })
	// A process loses its command line a moment before its sockets.
	bedtest.Soon(t, "the API server's port to be closed", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}
