// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestChildSurvivesThread ends the thread of the goroutine that started the
// child, which is not the end of the parent.
func TestChildSurvivesThread(t *testing.T) {
	dir := t.TempDir()
	started := make(chan *Process)
	thread := make(chan int, 1)
	hold := make(chan struct{})
	defer close(hold)
	var begin func()
	begin = func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			// The runtime never ends the first thread of a process: keep it, so
			// that the next try gets another.
			go begin()
			<-hold
			runtime.UnlockOSThread()
			return
		}
		thread <- syscall.Gettid()
		p, err := Start("sleep", filepath.Join(dir, "log"), "/bin/sleep", "60")
		if err != nil {
			t.Error(err)
		}
		started <- p
		// The thread ends with this goroutine, which never unlocks it.
	}
	go begin()
	p := <-started
	if p == nil {
		return
	}
	defer p.Kill()
	tid := <-thread
	bedtest.Soon(t, "the end of the thread", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return os.IsNotExist(err)
	})
	// The signal would have been sent by now; its effect needs a moment.
	select {
	case <-p.Done():
		t.Errorf("the child ended with the thread: %s", p.Outcome())
	case <-time.After(100 * time.Millisecond):
	}
}

func TestStopInsists(t *testing.T) {
	p, err := Start("stubborn", filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c",
		`trap "" TERM; echo ready; while :; do /bin/sleep 1; done`)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	bedtest.Soon(t, "the trap", func() bool { return p.LogTail() == "ready" })
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if got := p.Outcome(); got != "signal: killed" {
		t.Errorf("a process that ignores SIGTERM ended with %q, want a SIGKILL", got)
	}
}
