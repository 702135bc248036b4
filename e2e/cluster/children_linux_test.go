// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parentVariable has the test binary be the parent of a control plane in the
// directory that it names.
const parentVariable = "CASEHARDEN_TEST_PARENT"

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
	waitFor(t, "the end of the children", func() bool { return len(processesIn(t, dir)) == 0 })
	// A process loses its command line a moment before its sockets.
	waitFor(t, "the API server's port to be closed", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// TestChildSurvivesThread ends the thread of the goroutine that started the
// child, which is not the end of the parent.
func TestChildSurvivesThread(t *testing.T) {
	dir := t.TempDir()
	started := make(chan *process)
	thread := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		thread <- syscall.Gettid()
		p, err := startProcess("sleep", filepath.Join(dir, "log"), "/bin/sleep", "60")
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	if p == nil {
		return
	}
	defer p.kill()
	tid := <-thread
	waitFor(t, "the end of the thread", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return os.IsNotExist(err)
	})
	// The signal would have been sent by now; its effect needs a moment.
	select {
	case <-p.done:
		t.Errorf("the child ended with the thread: %s", p.outcome())
	case <-time.After(100 * time.Millisecond):
	}
}

func TestStopInsists(t *testing.T) {
	p, err := startProcess("stubborn", filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c",
		`trap "" TERM; echo ready; while :; do /bin/sleep 1; done`)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	waitFor(t, "the trap", func() bool { return p.logTail() == "ready" })
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if got := p.outcome(); got != "signal: killed" {
		t.Errorf("a process that ignores SIGTERM ended with %q, want a SIGKILL", got)
	}
}

// processesIn returns the processes, other than this one, that have dir in
// their command line. Those that have ended have none, even before they are
// waited for.
func processesIn(t *testing.T, dir string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		// A process may end between the two looks.
		if line, err := os.ReadFile(f); err == nil && pid != os.Getpid() && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
