// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// removalTimeout is for the end of processes that the kernel is killing.
const removalTimeout = 30 * time.Second

// A hierarchy is a tree of cgroups: of version 1, with one or a few controllers, or the
// one of version 2.
type hierarchy struct {
	path    string // where it is mounted
	kind    string // cgroup or cgroup2
	options string // of version 1: its controllers
}

// hierarchies returns what the host has.
func hierarchies() ([]hierarchy, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []hierarchy
	for line := range strings.Lines(string(text)) {
		// proc_pid_mountinfo(5): 36 35 98:0 /root /mount/point rw,noatime shared:1 - kind source options
		before, after, _ := strings.Cut(line, " - ")
		fields, more := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(more) < 3 || more[0] != "cgroup" && more[0] != "cgroup2" || !strings.HasPrefix(fields[4], "/sys/fs/cgroup") {
			continue
		}
		var options []string
		for option := range strings.SplitSeq(more[2], ",") {
			if option != "rw" && option != "ro" {
				options = append(options, option)
			}
		}
		found = append(found, hierarchy{fields[4], more[0], strings.Join(options, ",")})
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroups are mounted below /sys/fs/cgroup")
	}
	return found, nil
}

// makeCgroups makes a cgroup of this name in each hierarchy, at its root.
func makeCgroups(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		dir := filepath.Join(h.path, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		switch {
		case len(all) == 1 && h.kind == "cgroup2":
			// This stays, and systemd does the same; beside version 1 nothing needs it.
			if err := delegate(h.path); err != nil {
				return err
			}
		case strings.Contains(h.options, "cpuset"):
			// New ones have none, and take no process until they do.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := copyFile(filepath.Join(h.path, file), filepath.Join(dir, file)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// delegate enables all controllers of dir, of version 2, for the cgroups below it, as far as
// the kernel allows. A program that needs another one says so.
func delegate(dir string) error {
	controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for c := range strings.FieldsSeq(string(controllers)) {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0)
}

// enterCgroups moves this process to the cgroups, and has it, and all that it starts,
// take them for the roots.
func enterCgroups(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := os.WriteFile(filepath.Join(h.path, name, "cgroup.procs"), []byte("0"), 0); err != nil {
			return err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return err
	}
	for _, h := range all {
		if h.kind != "cgroup2" {
			continue
		}
		// Version 2 has processes in leaves only, apart from its true root.
		leaf := filepath.Join(h.path, name, "init")
		if err := os.Mkdir(leaf, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0); err != nil {
			return err
		}
		if err := delegate(filepath.Join(h.path, name)); err != nil {
			return err
		}
	}
	return nil
}

// cgroupMounts returns the mounts that replace those of the host, by which its cgroups
// could be seen: of this cgroup namespace.
func cgroupMounts() ([]mount, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	if len(all) == 1 && all[0].kind == "cgroup2" {
		return []mount{{"cgroup2", all[0].path, "cgroup2", 0, ""}}, nil
	}
	mounts := []mount{{"cgroup", "/sys/fs/cgroup", "tmpfs", 0, "mode=755"}}
	for _, h := range all {
		mounts = append(mounts, mount{h.kind, h.path, h.kind, 0, h.options})
	}
	return mounts, nil
}

// removeCgroups removes the cgroups of this name and all below them, once the processes
// in them have ended. Those that were never made are no error.
func removeCgroups(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(removalTimeout); ; time.Sleep(20 * time.Millisecond) {
		var failed error
		for _, h := range all {
			failed = errors.Join(failed, removeTree(filepath.Join(h.path, name)))
		}
		if failed == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cgroups: %w", failed)
		}
	}
}

// removeTree removes directories from the leaves up; the files of cgroups go with them.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		if err = unix.Rmdir(dirs[i]); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			err = &os.PathError{Op: "rmdir", Path: dirs[i], Err: err}
		}
	}
	return err
}
