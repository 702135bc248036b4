// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package kernel asks the kernel what a process is and may do: the oracle for what became
// of a securityContext. Command probe is it in a container.
package kernel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Report is what the kernel says. Status and Sysctls are in its own words.
type Report struct {
	// Status has lines of /proc/self/status: with the key Uid the real, effective, saved
	// and file system UID with a space in between, and so on.
	Status map[string]string `json:"status"`

	// Writes says by directory what became of an attempt to write a file in it: "ok", or
	// the name of the error, such as EROFS.
	Writes map[string]string `json:"writes,omitempty"`

	// Files are the owners and permissions of files, "uid:gid 0755", or the name of the
	// error.
	Files map[string]string `json:"files,omitempty"`

	// Sysctls are values by name, such as net.ipv4.ip_unprivileged_port_start, or the name
	// of the error.
	Sysctls map[string]string `json:"sysctls,omitempty"`
}

// statusKeys are those that a securityContext can change.
var statusKeys = []string{"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}

// Look makes a Report of this process. Directories to write in, files and sysctls are as
// they are asked for.
func Look(writes, files, sysctls []string) (Report, error) {
	status, err := Status("self")
	if err != nil {
		return Report{}, err
	}
	r := Report{Status: status, Writes: map[string]string{}, Files: map[string]string{}, Sysctls: map[string]string{}}
	for _, dir := range writes {
		r.Writes[dir] = Write(dir)
	}
	for _, file := range files {
		r.Files[file] = describe(file)
	}
	for _, name := range sysctls {
		value, err := os.ReadFile(filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/")))
		r.Sysctls[name] = strings.TrimSpace(string(value))
		if err != nil {
			r.Sysctls[name] = errorName(err)
		}
	}
	return r, nil
}

// Status returns the Status of the Report that a process, by its directory in /proc, would
// make of itself.
func Status(process string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", process, "status"))
	if err != nil {
		return nil, err
	}
	status := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if slices.Contains(statusKeys, key) {
			status[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return status, nil
}

// Write tries to write a file in a directory, of which nothing stays, and returns what
// Writes of a Report have.
func Write(dir string) string {
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return errorName(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		return errorName(err)
	}
	return "ok"
}

func describe(file string) string {
	var s syscall.Stat_t
	if err := syscall.Lstat(file, &s); err != nil {
		return errorName(err)
	}
	return fmt.Sprintf("%d:%d %04o", s.Uid, s.Gid, s.Mode&0o7777)
}

func errorName(err error) string {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return unix.ErrnoName(number)
	}
	return err.Error()
}
