// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"io/fs"
	"maps"
	"path"
	"slices"
)

// A directory is one of the image's, with its place.
type directory struct {
	path string
	file File
}

// serviceDirectories returns the directories that the image gives to users other than root,
// where servers keep state: the highest of each tree. They tell what a main program writes
// to that runs as one of these users, or changes to one of them.
func (r *run) serviceDirectories() []directory {
	if r.searched {
		return r.services
	}
	r.searched = true
	left := 5000 // directories that are looked at
	var look func(dir string, depth int)
	look = func(dir string, depth int) {
		for _, name := range r.children(dir) {
			if left--; left < 0 {
				return
			}
			at := path.Join(dir, name)
			f, found := r.files.Stat(at)
			if !found || !f.Mode.IsDir() || f.Mode&fs.ModeSymlink != 0 || slices.Contains(ofOthers, at) || r.mountAt(at) != nil {
				continue
			}
			if f.UID != 0 && f.Mode.Perm()&0o200 != 0 {
				r.services = append(r.services, directory{at, f})
				continue
			}
			if depth < 4 {
				look(at, depth+1)
			}
		}
	}
	for _, root := range stateRoots {
		if l := r.resolve(root); !l.missing && l.mounted == nil && l.path == root && root != "/tmp" {
			if l.file.UID != 0 {
				r.services = append(r.services, directory{root, l.file})
				continue
			}
			look(root, 0)
		}
	}
	return r.services
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
