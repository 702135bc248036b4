// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Where startInit leaves its pipes.
const (
	lifelineFile  = 3
	listeningFile = 4
)

// beInit makes the sandbox around this process and runs the program in it. That this
// process ends is the end of all others in the sandbox.
func beInit(name string, program []string) (code int, err error) {
	if err := checkParent(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)
	if err := unix.Close(listeningFile); err != nil {
		return 0, err
	}
	if err := enterCgroups(name); err != nil {
		return 0, fmt.Errorf("cgroups: %w", err)
	}
	if err := mountAll(); err != nil {
		return 0, err
	}
	if err := unix.Sethostname([]byte("node")); err != nil {
		return 0, fmt.Errorf("host name: %w", err)
	}
	if err := makeNetwork(); err != nil {
		return 0, err
	}
	path, err := exec.LookPath(program[0])
	if err != nil {
		return 0, err
	}
	if err := errors.Join(os.Setenv("SANDBOX_ADDRESS", address), os.Setenv("TMPDIR", temporary)); err != nil {
		return 0, err
	}
	child, err := os.StartProcess(path, program, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = child.Signal(s) // the only error is that it has just ended
		}
	}()
	return reap(child.Pid)
}

// checkParent returns an error if the parent has ended already: the kernel kills this
// process for it only if that happens after process 1 has asked for it, which is before
// this.
func checkParent() error {
	poll := []unix.PollFd{{Fd: lifelineFile}}
	if _, err := unix.Poll(poll, 0); err != nil {
		return fmt.Errorf("lifeline: %w", err)
	}
	if poll[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the parent has ended")
	}
	return unix.Close(lifelineFile)
}

// reap waits for all processes, as orphans become children of process 1, until the one
// with this number has ended.
func reap(pid int) (code int, err error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case ended == pid:
			return exitCode(status), nil
		}
	}
}
