// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

const (
	initName    = "sandbox: init"
	janitorName = "sandbox: janitor"
)

// forwarded are the signals that go to the program.
var forwarded = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}

func init() {
	// Namespaces, and the signal at a parent's death, belong to a thread: main keeps the
	// first one, which lives as long as the process.
	runtime.LockOSThread()
}

func main() {
	var code int
	var err error
	switch os.Args[0] {
	case initName:
		code, err = beInit(os.Args[1], os.Args[2:])
	case janitorName:
		err = beJanitor(os.Args[1])
	default:
		code, err = run(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		code = failed
	}
	os.Exit(code)
}

// run runs the program in a sandbox, and returns its exit code.
func run(program []string) (code int, err error) {
	if len(program) == 0 {
		return 0, errors.New("no program to run: the command is sandbox program [argument] …")
	}
	if os.Geteuid() != 0 {
		return 0, errors.New("it needs root, to make namespaces and cgroups: use sudo")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)

	// Nobody writes to it. That its other end is closed is how the janitor, and at its
	// beginning init, learn of the end of this process.
	lifeline, held, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	name := fmt.Sprintf("sandbox-%d-%s", os.Getpid(), strings.ToLower(rand.Text()[:8]))
	janitor, err := startJanitor(name, lifeline)
	if err != nil {
		return 0, err
	}
	defer func() {
		held.Close()
		if janitor.Wait() == nil {
			return
		}
		// It has said why, or been killed.
		if left := removeCgroups(name); left != nil && err == nil {
			err = left
		}
	}()
	if err := makeCgroups(name); err != nil {
		return 0, fmt.Errorf("cgroups: %w", err)
	}
	init, listens, err := startInit(name, program, lifeline)
	if err != nil {
		return 0, err
	}
	go func() {
		// The kernel drops signals that process 1 has no handler for.
		_, _ = listens.Read(make([]byte, 1)) // its end, as nobody writes
		for s := range signals {
			// The only error is that it has just ended.
			_ = init.Process.Signal(s)
		}
	}()
	err = init.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitCode(exit.Sys().(syscall.WaitStatus)), nil
	}
	return 0, err
}

func startJanitor(name string, lifeline *os.File) (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{janitorName, name}
	cmd.Stdin = lifeline
	cmd.Stderr = os.Stderr
	// Away from the terminal, whose Ctrl-C is for all of its processes.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// startInit also returns a file that ends when process 1 listens to signals.
func startInit(name string, program []string, lifeline *os.File) (cmd *exec.Cmd, listens *os.File, err error) {
	listens, listening, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer listening.Close()
	cmd = exec.Command("/proc/self/exe")
	cmd.Args = append([]string{initName, name}, program...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lifeline, listening}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		// Away from the terminal's process group, as signals are passed on.
		Setpgid: true,
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("namespaces: %w", err)
	}
	return cmd, listens, nil
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// beJanitor waits for the end of the first process, then removes what only a process
// outside of the sandbox can.
func beJanitor(name string) error {
	signal.Ignore(forwarded...)
	_, _ = os.Stdin.Read(make([]byte, 1)) // its end, as nobody writes
	return removeCgroups(name)
}
