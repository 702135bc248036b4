// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A writing is whether a process can write to a directory, or make it.
type writing struct {
	dir      string // without links; the deepest that is there
	file     File
	denied   bool // by owner and mode
	readOnly bool // by the read-only root file system
}

// writing reports whether the process can make files in a directory of the image. On a
// volume it always can, as far as is known.
func (r *run) writing(p *process, dir string) writing {
	l := r.existing(dir)
	w := writing{dir: l.path, file: l.file}
	if l.mounted != nil {
		return w
	}
	if !l.file.Mode.IsDir() {
		w.dir = path.Dir(l.path)
		w.file, _ = r.stat(w.dir)
	}
	w.denied = r.search(p, l) != "" || !p.may(w.file, write|execute)
	w.readOnly = r.security.ReadOnlyRoot && !r.onImageVolume(w.dir) && !(r.isCRIO() && onTmpfs(w.dir))
	return w
}

func (r *run) isCRIO() bool { return strings.HasPrefix(r.facts.Runtime, "cri-o:") }

// onTmpfs reports whether CRI-O mounts a tmpfs there where the root file system is
// read-only.
func onTmpfs(dir string) bool {
	return within(dir, "/run") || within(dir, "/tmp") || within(dir, "/var/tmp")
}

// surelyReadOnly reports whether every runtime that the nodes may have keeps a directory
// read-only.
func (r *run) surelyReadOnly(dir string) bool { return r.facts.Runtime != "" || !onTmpfs(dir) }

// onImageVolume reports whether a directory is on one of the image's own volumes, which
// containerd mounts, with the content of the image; CRI-O does not, by default.
func (r *run) onImageVolume(dir string) bool {
	if r.isCRIO() {
		return false
	}
	return slices.ContainsFunc(r.volumes(), func(volume string) bool { return within(dir, volume) })
}

// volumes returns where the image's own volumes really are.
func (r *run) volumes() []string {
	if r.places == nil {
		r.places = []string{}
		for _, volume := range r.config.Volumes {
			r.places = append(r.places, r.resolve(volume).path)
		}
	}
	return r.places
}

// canHide reports whether an emptyDir at a directory hides nothing that a start needs:
// the image has no files there, or only such as a start or the entrypoint makes again.
func (r *run) canHide(dir string) bool {
	l := r.resolve(dir)
	switch {
	case l.mounted != nil || dir == "/":
		return false
	case l.missing:
		return true
	}
	left := 256 // directories and files that are looked at
	var empty func(dir string) bool
	empty = func(dir string) bool {
		for _, name := range r.children(dir) {
			if left--; left < 0 {
				return false
			}
			at := path.Join(dir, name)
			f, found := r.files.Stat(at)
			if found && f.Mode&fs.ModeSymlink == 0 && (!f.Mode.IsDir() && !madeAgain(at) && !slices.Contains(r.made, at) || f.Mode.IsDir() && !empty(at)) {
				return false
			}
			if found && f.Mode&fs.ModeSymlink != 0 && !madeAgain(at) {
				return false
			}
		}
		return true
	}
	return empty(l.path)
}

// madeAgain reports whether a file is one that a start makes again: a log, a PID file, a
// socket, a cache.
func madeAgain(file string) bool {
	for _, dir := range []string{"/run", "/tmp", "/var/tmp", "/var/log", "/var/run", "/var/lock"} {
		if within(file, dir) {
			return true
		}
	}
	return false
}

// describe says to whom a file belongs.
func describe(at string, f File) string {
	return fmt.Sprintf("%s belongs to %d:%d, mode %04o", at, f.UID, f.GID, mode(f))
}

// mode is the mode of a file as chmod has it.
func mode(f File) uint32 {
	m := uint32(f.Mode.Perm())
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if f.Mode&flag != 0 {
			m |= bit
		}
	}
	return m
}
