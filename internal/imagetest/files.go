// SPDX-License-Identifier: Apache-2.0

// Package imagetest gives tests the files of images, written as text.
package imagetest

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
)

// Files are the files of an image, in memory.
type Files struct {
	files    map[string]evidence.File
	contents map[string]string
}

// New makes the files of an image from lines such as
//
//	d 700 999:999 /var/lib/mysql
//	f 755 0:0 /usr/bin/ping cap=NET_RAW+ep elf=/lib/ld.so
//	l /var/run /run
//
// and contents by path, whose files are made with mode 755 unless a line says otherwise.
// What leads to them are directories of root. Every image has the usual directories, and
// /etc/passwd with root, unless it is given.
func New(t testing.TB, lines string, contents map[string]string) *Files {
	t.Helper()
	f := &Files{files: map[string]evidence.File{}, contents: map[string]string{"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"}}
	maps.Copy(f.contents, contents)
	f.add("/tmp", evidence.File{Mode: fs.ModeDir | fs.ModeSticky | 0o777})
	for _, dir := range []string{"/etc", "/run", "/var/lib", "/var/log", "/var/cache", "/usr/bin", "/usr/sbin"} {
		f.add(dir, evidence.File{Mode: fs.ModeDir | 0o755})
	}
	for line := range strings.Lines(lines) {
		if words := strings.Fields(line); len(words) > 0 {
			f.line(t, words)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(f.contents)) {
		if _, found := f.files[p]; !found {
			mode := fs.FileMode(0o755)
			if strings.HasPrefix(p, "/etc") {
				mode = 0o644
			}
			f.add(p, evidence.File{Mode: mode})
		}
		file := f.files[p]
		if line, _, _ := strings.Cut(f.contents[p], "\n"); strings.HasPrefix(line, "#!") {
			if words := strings.Fields(line[2:]); len(words) > 0 {
				file.Interpreter = words[0]
			}
		}
		f.files[p] = file
	}
	return f
}

func (f *Files) line(t testing.TB, words []string) {
	t.Helper()
	if words[0] == "l" {
		f.add(words[1], evidence.File{Mode: fs.ModeSymlink | 0o777, Link: words[2]})
		return
	}
	octal, err := strconv.ParseUint(words[1], 8, 32)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	owner, group, _ := strings.Cut(words[2], ":")
	uid, err := strconv.ParseInt(owner, 10, 64)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	gid, err := strconv.ParseInt(group, 10, 64)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	file := evidence.File{Mode: fs.FileMode(octal & 0o777), UID: uid, GID: gid, Layer: "sha256:layer"}
	for bit, flag := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if octal&bit != 0 {
			file.Mode |= flag
		}
	}
	if words[0] == "d" {
		file.Mode |= fs.ModeDir
	}
	for _, option := range words[4:] {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "elf":
			file.Interpreter = value
		case "cap":
			caps, flags, _ := strings.Cut(value, "+")
			file.Capabilities = &evidence.FileCapabilities{Permitted: strings.Split(caps, ","), Effective: strings.Contains(flags, "e")}
		default:
			t.Fatalf("%q: no option %s", words, name)
		}
	}
	f.add(words[3], file)
}

func (f *Files) add(p string, file evidence.File) {
	f.files[p] = file
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		if _, found := f.files[dir]; !found {
			f.files[dir] = evidence.File{Mode: fs.ModeDir | 0o755}
		}
		if dir == "/" {
			return
		}
	}
}

// Stat describes what is at a path.
func (f *Files) Stat(p string) (evidence.File, bool) {
	file, found := f.files[p]
	return file, found
}

// Children returns the names in a directory, sorted.
func (f *Files) Children(dir string) []string {
	var names []string
	for p := range f.files {
		if p != "/" && path.Dir(p) == dir {
			names = append(names, path.Base(p))
		}
	}
	slices.Sort(names)
	return names
}

// Content returns the content of a file.
func (f *Files) Content(p string) ([]byte, bool) {
	content, found := f.contents[p]
	return []byte(content), found
}

// All returns the paths of all files, sorted: what leads to a file comes before it.
func (f *Files) All() []string { return slices.Sorted(maps.Keys(f.files)) }

// Link adds a symbolic link.
func (f *Files) Link(p, target string) {
	f.add(p, evidence.File{Mode: fs.ModeSymlink | 0o777, Link: target})
}
