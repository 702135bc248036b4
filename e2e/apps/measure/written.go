// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// written are directories in which a container changed something.
type written struct {
	Empty []string `json:"empty,omitempty"` // those that have no files in the image, or are not there
	Other []string `json:"other,omitempty"` // those in which an emptyDir would hide files
}

// and returns the directories with others, in which an emptyDir may hide files.
func (w written) and(others []string) written {
	w.Other = append(slices.Clone(w.Other), others...)
	return w
}

// sets are the sets of writable paths that may help: those where nothing is hidden, with
// none, one, or all of those where something is.
func (w written) sets() (sets [][]string) {
	add := func(more ...string) {
		if set := slices.Concat(w.Empty, more); len(set) > 0 {
			slices.Sort(set)
			sets = append(sets, set)
		}
	}
	add()
	for _, dir := range w.Other {
		add(dir)
	}
	if len(w.Other) > 1 {
		add(w.Other...)
	}
	return sets
}

// runtimes are the places where the runtime and the kubelet mount something in each container.
var runtimes = []string{"/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/secrets", "/var/run/secrets"}

// findWritten returns where a container wrote: what its overlay has beside the image.
func findWritten(root cluster.RootFS) (written, error) {
	var changed []string // directories in which something is new or changed
	err := filepath.WalkDir(root.Upper, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // gone while it was looked at
			}
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(at, root.Upper), "/")
		if slices.Contains(runtimes, name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() {
			changed = append(changed, path.Dir(name))
			return nil
		}
		if name != "/" && !exists(root, name) {
			// A new directory, whatever is in it: of its parent, if that is empty.
			if parent := path.Dir(name); parent != "/" && len(children(root, parent)) == 0 {
				changed = append(changed, parent)
			} else {
				changed = append(changed, name)
			}
			return fs.SkipDir
		}
		if entries, err := os.ReadDir(at); name != "/" && err == nil && len(entries) == 0 {
			changed = append(changed, name) // given to another user, or written to and cleaned up
		}
		return nil
	})
	slices.Sort(changed)
	var w written
	for _, dir := range slices.Compact(changed) {
		switch {
		case dir == "/" || dir == "/etc" || mountpoint(dir):
		case !hasFiles(root, dir):
			w.Empty = append(w.Empty, dir)
		default:
			w.Other = append(w.Other, dir)
		}
	}
	return w, err
}

// mountpoint reports whether the runtime mounts something below the directory, and so made
// it, which is not the container's doing; but for /run, where servers write.
func mountpoint(dir string) bool {
	return slices.ContainsFunc(runtimes, func(r string) bool { return strings.HasPrefix(r+"/", dir+"/") && dir != "/run" && dir != "/var/run" })
}

func exists(root cluster.RootFS, name string) bool {
	return slices.ContainsFunc(root.Lower, func(lower string) bool {
		info, err := os.Lstat(filepath.Join(lower, name))
		return err == nil && info.IsDir()
	})
}

// hasFiles reports whether the image has a file anywhere in a directory.
func hasFiles(root cluster.RootFS, name string) bool {
	return slices.ContainsFunc(children(root, name), func(child string) bool {
		child = path.Join(name, child)
		return !exists(root, child) || hasFiles(root, child)
	})
}

// children returns what the image has in a directory.
func children(root cluster.RootFS, name string) (found []string) {
	deleted := map[string]bool{}
	for _, lower := range root.Lower {
		entries, err := os.ReadDir(filepath.Join(lower, name))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if entry.Type()&fs.ModeCharDevice != 0 {
				deleted[entry.Name()] = true
			} else if !deleted[entry.Name()] && !slices.Contains(runtimes, path.Join(name, entry.Name())) {
				found = append(found, entry.Name())
			}
		}
	}
	return found
}
