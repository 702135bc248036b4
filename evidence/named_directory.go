// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// ofSystem are directories of programs and of their configuration, and no places for state.
var ofSystem = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32",
	"/usr/lib64", "/usr/libexec", "/usr/sbin", "/usr/share"}

func isOfSystem(p string) bool {
	return p == "/" || p == "/usr" || p == "/usr/local" || slices.ContainsFunc(ofSystem, func(dir string) bool { return within(p, dir) })
}

// namedDirectory returns the directory that has to be writable for a path that a command or a
// variable names outside of the usual places, such as /prometheus: the image has made it for
// state. False is for a path that leads to programs, or to files that are only read.
func (r *run) namedDirectory(p string) (string, bool) {
	l := r.resolve(p)
	if l.missing && l.mounted == nil { // it would be made
		l = r.resolve(path.Dir(l.path))
	}
	if l.missing || l.mounted != nil || !l.file.Mode.IsDir() || tooWide[l.path] {
		return "", false
	}
	return l.path, r.isPrepared(l.path, l.file)
}

// isPrepared reports whether the image has made a directory for what a program writes: it is
// a volume, every user may write to it, or there is nothing in it that could be read.
func (r *run) isPrepared(dir string, f File) bool {
	return slices.Contains(r.volumes(), dir) || f.Mode.Perm()&0o002 != 0 || !isOfSystem(dir) && r.canHide(dir)
}

// xdgHomes are variables that name directories in which each program has one of its own (XDG
// Base Directory Specification).
var xdgHomes = wordSet("XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME")

// ownBelow returns the directory in a directory of many programs that is named after this
// program, or that directory itself if the image has none.
func (r *run) ownBelow(dir string, argv []string) string {
	for _, stem := range stems(argv[:1]) {
		if l := r.resolve(path.Join(dir, stem)); l.mounted != nil || !l.missing && l.file.Mode.IsDir() {
			return path.Join(dir, stem)
		}
	}
	return dir
}

// stateNames are what servers call the directories in their own directory that they write to.
var stateNames = wordSet("cache data db log logs run spool state storage temp tmp work")

// stateBelow returns the directories for state in a directory of a server, which a command or
// a variable names, such as /opt/server/logs.
func (r *run) stateBelow(p string) (dirs []string) {
	l := r.resolve(p)
	if l.missing || l.mounted != nil || !l.file.Mode.IsDir() || isOfSystem(l.path) || tooWide[l.path] {
		return nil
	}
	for _, name := range r.children(l.path) {
		if !stateNames[strings.ToLower(name)] {
			continue
		}
		at := path.Join(l.path, name)
		f, found := r.stat(at)
		if found && f.Mode.IsDir() && f.Mode&fs.ModeSymlink == 0 && r.mountAt(at) == nil && r.isPrepared(at, f) {
			dirs = append(dirs, at)
		}
	}
	return dirs
}

// holdsData reports whether a directory holds data of the main program's own user. Without
// them a server does not work.
func (r *run) holdsData(dir string, f File) bool {
	temporary := slices.ContainsFunc(stateRoots, func(root string) bool {
		return root != "/var/lib" && root != "/srv" && root != "/data" && within(dir, root)
	})
	return !temporary && slices.Contains(r.mainUsers, f.UID)
}

// isForState reports whether a volume of the image is for what its program writes, and not
// for what a user of the image puts there.
func isForState(volume string) bool {
	name := strings.ToLower(path.Base(volume))
	return !within(volume, "/etc") && !strings.HasPrefix(name, "docker-entrypoint") &&
		!slices.ContainsFunc([]string{"conf", "cert", "secret"}, func(word string) bool { return strings.Contains(name, word) })
}
