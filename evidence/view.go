// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A view is the file system of a container: the files of its image, and what is mounted
// over them.
type view struct {
	files  Files
	mounts []placed // the deepest first
	work   *budget

	imageVolumes []string // clean; the runtime makes those that the image does not have, for root
}

// placed is a mount with the place where it really is: the runtime follows the links of the
// image to it.
type placed struct {
	Mount
	at string
}

// ofRuntime is what every runtime mounts.
var ofRuntime = []Mount{
	{Path: "/proc"}, {Path: "/sys"}, {Path: "/dev"},
	{Path: "/dev/shm", Writable: true},
	{Path: "/etc/hosts", Writable: true}, {Path: "/etc/hostname"}, {Path: "/etc/resolv.conf"},
}

func newView(files Files, mounts []Mount, work *budget) *view {
	v := &view{files: files, work: work}
	var all []placed
	for _, m := range slices.Concat(ofRuntime, mounts) {
		all = append(all, placed{m, v.resolve(m.Path).path})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return len(b.at) - len(a.at) })
	v.mounts = all
	return v
}

// A location is where a path leads.
type location struct {
	path    string   // without links
	file    File     // what is there
	missing bool     // nothing is there
	mounted *Mount   // a volume is there, of whose files nothing is known
	dirs    []string // directories of the image that were searched, without links
	links   int
}

// What a kernel follows at most, and what a path is long at most.
const (
	maxLinks = 40
	maxPath  = 4096
)

// resolve follows a path from the root. No link leads out of the root.
func (v *view) resolve(p string) location { return v.from("/", p) }

// from follows a path from a directory, which is without links itself.
func (v *view) from(dir, p string) location {
	l := location{path: dir}
	if strings.HasPrefix(p, "/") {
		l.path = "/"
	}
	if !v.work.spend(len(p) / 16) {
		l.missing = true
		return l
	}
	rest := strings.Split(p, "/")
	for steps := 0; len(rest) > 0; steps++ {
		name := rest[0]
		rest = rest[1:]
		switch {
		case name == "" || name == ".":
			continue
		case steps > maxPath || l.links > maxLinks || !v.work.spend(1+len(v.mounts)/16+len(l.dirs)/16):
			l.missing = true
			return l
		case name == "..":
			l.path = path.Dir(l.path)
			continue
		}
		if !slices.Contains(l.dirs, l.path) {
			l.dirs = append(l.dirs, l.path)
		}
		next := path.Join(l.path, name)
		if m := v.mountAt(next); m != nil {
			l.path, l.mounted = path.Join(append([]string{next}, rest...)...), m
			return l
		}
		file, found := v.stat(next)
		switch {
		case !found:
			l.path, l.missing = path.Join(append([]string{next}, rest...)...), true
			return l
		case file.Mode&fs.ModeSymlink != 0:
			l.links++
			if len(file.Link) > maxPath || file.Link == "" {
				l.path, l.missing = next, true
				return l
			}
			if strings.HasPrefix(file.Link, "/") {
				l.path = "/"
			}
			rest = append(strings.Split(file.Link, "/"), rest...)
		case !file.Mode.IsDir() && len(rest) > 0:
			l.path, l.missing = path.Join(append([]string{next}, rest...)...), true
			return l
		default:
			l.path, l.file = next, file
		}
	}
	if m := v.mountAt(l.path); m != nil {
		l.mounted = m
		return l
	}
	file, found := v.stat(l.path)
	l.file, l.missing = file, !found
	return l
}

// mountAt returns what is mounted at a place.
func (v *view) mountAt(p string) *Mount {
	for i := range v.mounts {
		if v.mounts[i].at == p {
			return &v.mounts[i].Mount
		}
	}
	return nil
}

// stat describes what is at a path without links. The runtime makes directories that lead
// to a mount, and volumes of the image that are not there.
func (v *view) stat(p string) (File, bool) {
	if f, found := v.files.Stat(p); found {
		return f, true
	}
	below := strings.TrimSuffix(p, "/") + "/"
	v.work.spend(len(v.imageVolumes) / 16)
	if slices.ContainsFunc(v.imageVolumes, func(volume string) bool { return within(volume, p) }) {
		return File{Mode: fs.ModeDir | 0o755}, true
	}
	if p == "/" || slices.ContainsFunc(v.mounts, func(m placed) bool { return strings.HasPrefix(m.at, below) }) {
		return File{Mode: fs.ModeDir | 0o755}, true
	}
	return File{}, false
}

// children returns the names in a directory.
func (v *view) children(dir string) []string {
	names := v.files.Children(dir)
	v.work.spend(len(names))
	return names
}

// existing returns the deepest directory on the way to a path that is there.
func (v *view) existing(p string) location {
	for range maxLinks { // links may lead from one path that is not there to the next
		l := v.resolve(p)
		if !l.missing || l.path == "/" || p == "/" {
			return l
		}
		p = path.Dir(path.Clean(l.path))
	}
	return v.resolve("/")
}

// within reports whether a path is a directory or lies below it.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}
