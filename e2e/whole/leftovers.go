// SPDX-License-Identifier: Apache-2.0

//go:build linux

package whole

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// removeLeftovers removes what a kubelet and a containerd that have ended leave outside of
// the directory of the cluster, and what is mounted in that: volumes.
func (c *Cluster) removeLeftovers() error {
	return errors.Join(unmountBelow(c.Dir()), unmountBelow(containerdState), os.RemoveAll(containerdState), removeCgroups())
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
}

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
	return os.Remove(dir)
}
