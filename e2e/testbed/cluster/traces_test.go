// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// traces lists what a cluster could leave in the sandbox: processes, mounts, interfaces,
// addresses, cgroups, and files for a while.
func traces() (string, error) {
	var lines []string
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return "", err
	}
	for _, p := range processes {
		if text, err := os.ReadFile(p); err == nil && len(text) > 0 { // it may have ended
			lines = append(lines, "process "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		lines = append(lines, "mount "+strings.Fields(line)[4])
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			return "", err
		}
		for _, a := range addresses {
			lines = append(lines, "interface "+i.Name+" "+a.String())
		}
	}
	for _, dir := range []string{"/sys/fs/cgroup", os.TempDir()} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				lines = append(lines, "directory "+path)
			}
			return err
		})
		if err != nil {
			return "", err
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}
