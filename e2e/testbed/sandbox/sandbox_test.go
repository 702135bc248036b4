// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// commandVariable has the test binary be the command.
const commandVariable = "SANDBOX_TEST_COMMAND"

func TestMain(m *testing.M) {
	isMachine := os.Getenv(commandVariable) != ""
	os.Unsetenv(commandVariable)
	if isMachine || os.Args[0] == initName || os.Args[0] == janitorName {
		main()
	}
	os.Exit(m.Run())
}

// sandbox returns a command that runs a shell script in a sandbox.
func sandbox(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

func TestInside(t *testing.T) {
	panics, err := os.ReadFile("/proc/sys/kernel/panic")
	if err != nil {
		t.Fatal(err)
	}
	left := "/var/tmp/sandbox-" + strconv.Itoa(os.Getpid())
	for _, test := range []struct{ name, script, want string }{
		{"processes", `set -- /proc/[0-9]*; echo $#; head -c 13 /proc/1/cmdline`, "2\nsandbox: init"}, // and sh
		{"address", `echo $SANDBOX_ADDRESS`, "192.0.2.1\n"},
		{"interfaces", `ls /sys/class/net`, "eth0\neth0-peer\nlo\n"},
		{"host name", `uname -n`, "node\n"},
		{"cgroups", `cut -d : -f 3 /proc/self/cgroup | grep -v -e '^/$' -e '^/init$'`, ""},
		{"temporary files", `echo $TMPDIR; ls -A $TMPDIR; ls /run | grep -v -e tmp -e var -e sysctls`, "/run/tmp\n"},
		{"a file in /var", "echo x > " + left + "; cat " + left, "x\n"},
		{"sysctl of the kubelet", `echo 10 > /proc/sys/kernel/panic; cat /proc/sys/kernel/panic`, "10\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := sandbox(t, test.script+"; exit 0")
			got, err := cmd.Output()
			if err != nil || string(got) != test.want {
				t.Errorf("%s: %q, %v, want %q", test.script, got, err, test.want)
			}
		})
	}
	if now, err := os.ReadFile("/proc/sys/kernel/panic"); err != nil || !bytes.Equal(now, panics) {
		t.Errorf("kernel.panic of the host is %s, %v, was %s", now, err, panics)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s is on the host too: %v", left, err)
	}
}

func TestExitCode(t *testing.T) {
	for script, want := range map[string]int{
		"exit 0":            0,
		"exit 7":            7,
		"kill -9 $$":        128 + 9,
		"kill -15 $PPID":    128 + 15, // to process 1, which passes it on
		"exec /nonexisting": 127,
	} {
		cmd := sandbox(t, script+"; sleep 10")
		cmd.Stderr = nil
		err := cmd.Run()
		exit, _ := errors.AsType[*exec.ExitError](err)
		if err != nil && exit == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit code %d, want %d", script, got, want)
		}
	}
}

func TestSignal(t *testing.T) {
	cmd := sandbox(t, `trap 'echo got it; exit 3' INT; echo ready; while :; do sleep 0.1; done`)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 6)
	if _, err := stdout.Read(ready); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 7)
	if _, err := stdout.Read(said); err != nil || string(said) != "got it\n" {
		t.Errorf("the program said %q, %v", said, err)
	}
	_ = cmd.Wait() // see its code
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
}

// untidy makes all that a program could leave: processes of its own session and network,
// cgroups with processes in them, mounts and files.
const untidy = `
for c in /sys/fs/cgroup /sys/fs/cgroup/*; do
  test -e $c/cgroup.procs && mkdir -p $c/a/b
done
setsid sleep 1000 &
setsid unshare --net --mount --pid --fork sleep 1000 &
for p in /sys/fs/cgroup/*/a/b/cgroup.procs; do echo $! > $p; done 2>/dev/null
mkdir $TMPDIR/mounted /var/tmp/%[1]s
mount -t tmpfs %[1]s $TMPDIR/mounted
echo ready
while :; do sleep 0.01; done # %[1]s
`

// TestNothingIsLeft kills one process of a sandbox by SIGKILL, at any moment.
func TestNothingIsLeft(t *testing.T) {
	for i := range 40 {
		victim := []string{"sandbox", initName, janitorName, "/bin/sh"}[i%4]
		// It takes some 20 ms to begin.
		delay := time.Duration(rand.Int64N(int64([]time.Duration{30, 300}[i/4%2] * time.Millisecond)))
		mark := fmt.Sprintf("sandbox-test-%d-%d", os.Getpid(), i)
		cmd := sandbox(t, fmt.Sprintf(untidy, mark))
		cmd.Stderr = nil
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		pid := cmd.Process.Pid
		if victim != "sandbox" {
			pid = descendant(pid, victim)
		}
		if pid == 0 { // the moment is before its time
			pid = cmd.Process.Pid
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // or it has just ended
		if victim == janitorName {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		ended := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was killed
		if !ended.Stop() {
			t.Errorf("%s killed after %s: the others go on", victim, delay)
		}
		var left string
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if left = leftovers(t, cmd.Process.Pid, mark); left == "" {
				break
			}
		}
		if left != "" {
			t.Errorf("%s killed after %s: it leaves\n%s", victim, delay, left)
		}
	}
}

// descendant returns the number of a process below pid whose command line begins so, or 0.
func descendant(pid int, name string) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	for child := range strings.FieldsSeq(string(children)) {
		number, err := strconv.Atoi(child)
		if err != nil {
			continue
		}
		if line, _ := os.ReadFile("/proc/" + child + "/cmdline"); bytes.HasPrefix(line, []byte(name)) {
			return number
		}
		if found := descendant(number, name); found != 0 {
			return found
		}
	}
	return 0
}

// leftovers says what there is on the host of a sandbox: by the number of its first
// process, and by a mark.
func leftovers(t *testing.T, pid int, mark string) string {
	t.Helper()
	var left []string
	name := fmt.Sprintf("sandbox-%d-", pid)
	for _, pattern := range []string{"/sys/fs/cgroup/" + name + "*", "/sys/fs/cgroup/*/" + name + "*", "/var/tmp/" + mark, "/tmp/" + mark} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/mountinfo"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err == nil && (bytes.Contains(text, []byte(mark)) || bytes.Contains(text, []byte(name))) { // it may have ended
				left = append(left, f)
			}
		}
	}
	return strings.Join(left, "\n")
}
