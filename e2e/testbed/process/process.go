// SPDX-License-Identifier: Apache-2.0

// Package process runs child processes for tests and the demo: each with a log
// file that its errors quote, and none outliving its parent.
package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// StopGrace is the time between SIGTERM and SIGKILL. Servers end within a
	// second, unless a client holds a request open.
	StopGrace = 5 * time.Second

	// QuotedLines of a log say why a process died; more would hide it.
	QuotedLines = 20
)

// A Process is a child whose output goes to a log file. It has a process group of
// its own: a Ctrl-C at the terminal reaches only the parent, which stops its children
// in order.
type Process struct {
	name    string
	cmd     *exec.Cmd
	logFile string
	logFrom int64         // where in logFile the output of this process begins
	done    chan struct{} // closed when the process has ended and been waited for
	err     error         // how it ended, once done is closed
}

// Start runs binary with args and appends its output to logFile.
func Start(name, logFile, binary string, args ...string) (*Process, error) {
	return StartWith(nil, name, logFile, binary, args...)
}

// StartWith is Start with an environment.
func StartWith(env []string, name, logFile, binary string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer log.Close() // the child has its own descriptor
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}

	p := &Process{name: name, logFile: logFile, logFrom: info.Size(), done: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Nothing in the caller's environment, an ETCD_… variable or a proxy, may
	// change what is run.
	p.cmd.Env = append([]string{}, env...)
	p.cmd.SysProcAttr = childAttributes()

	started := make(chan error, 1)
	go func() {
		// The signal that childAttributes asks for on Linux is sent at the end of
		// the parent's *thread* that forked, not of the parent (prctl(2),
		// PR_SET_PDEATHSIG). The Go runtime ends a thread when a goroutine that is
		// locked to it returns, whichever forked there before. So one goroutine
		// keeps its thread to itself for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// PID is the process's number, and that of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exited reports whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Terminate sends SIGTERM and does not wait. It returns an error if the process had
// ended before.
func (p *Process) Terminate() error {
	if p.Exited() {
		return p.Failed("ended before it was stopped: " + p.Outcome())
	}
	p.signal(syscall.SIGTERM)
	return nil
}

// Stop ends the process with SIGTERM, or SIGKILL if that does not help. It
// returns an error if the process had ended before.
func (p *Process) Stop() error {
	if err := p.Terminate(); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(StopGrace):
		p.Kill()
	}
	return nil
}

// Kill ends the process at once and waits for its end.
func (p *Process) Kill() {
	if !p.Exited() {
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// Suspend stops the process where it is, until Resume: it holds its connections and
// ports, and answers nothing.
func (p *Process) Suspend() { p.signal(syscall.SIGSTOP) }

// Resume lets a suspended process go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// signal sends sig to the process group. The only error is that it has just
// ended, which is what is wanted.
func (p *Process) signal(sig syscall.Signal) { _ = syscall.Kill(-p.PID(), sig) }

// Outcome says how the process ended; it must have.
func (p *Process) Outcome() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// Failed is an error that says what went wrong and quotes the end of the log.
func (p *Process) Failed(what string) error {
	return fmt.Errorf("%s: %s; the last lines of its log:\n%s", p.name, what, p.LogTail())
}

// LogTail returns the last lines that the process has logged.
func (p *Process) LogTail() string {
	const maxTail = 64 << 10 // far more than 20 lines, far less than a whole log
	f, err := os.Open(p.logFile)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	from := max(p.logFrom, size-maxTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, size-from))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-QuotedLines):], "\n")
}
