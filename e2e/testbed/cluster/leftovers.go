// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// removeLeftovers removes what a kubelet and a containerd that have ended leave outside of
// the directory of the cluster, and what is mounted in that: volumes.
func (c *Cluster) removeLeftovers() error {
	return errors.Join(c.killShims(), unmountBelow(c.Dir()), unmountBelow(containerdState), os.RemoveAll(containerdState), removeCgroups())
}

// killShims kills those processes of containerd, one for each pod, that are of pods which it
// was still starting when it ended.
func (c *Cluster) killShims() error {
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range processes {
		text, err := os.ReadFile(file)
		if err != nil { // it has ended
			continue
		}
		args := strings.Split(string(text), "\x00")
		if !strings.Contains(args[0], "containerd-shim") || !slices.Contains(args, c.containerdSocket()) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return err
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("kill of %s: %w", args[0], err)
		}
	}
	return nil
}

func unmountBelow(dir string) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(text), "\n")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[4], dir+"/") {
			continue
		}
		if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount of %s: %w", fields[4], err))
		}
	}
	return errors.Join(errs...)
}

// removeCgroups removes those that the kubelet keeps pods in, and containerd the others:
// which of the patterns finds them is a matter of the version of cgroups.
func removeCgroups() error {
	return poll.Within(context.Background(), soon, "cgroups to be removed", func() error {
		var errs []error
		for _, pattern := range []string{"/sys/fs/cgroup/*/kubepods", "/sys/fs/cgroup/kubepods", "/sys/fs/cgroup/*/k8s.io", "/sys/fs/cgroup/k8s.io"} {
			roots, err := filepath.Glob(pattern)
			if err != nil {
				return err
			}
			for _, root := range roots {
				errs = append(errs, removeCgroup(root))
			}
		}
		return errors.Join(errs...)
	})
}

// removeCgroup removes a cgroup and those below it. What still runs in them is killed, and
// they can be removed a moment later: a container that was being started when its kubelet
// ended may have a process that nobody knows.
func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	processes, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	for id := range strings.FieldsSeq(string(processes)) {
		// 0 stands for one of another PID namespace, and for kill means the caller's group.
		if pid, err := strconv.Atoi(id); err == nil && pid > 0 {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended by itself
		}
	}
	return os.Remove(dir)
}
