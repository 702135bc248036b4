// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

// readOnly has a candidate write where the container wanted to.
func (d *detective) readOnly(clue watch.Clue, next narrow.Candidate) {
	dir := watch.Directory(clue.Path)
	paths := d.written(next)
	switch {
	case next[rootGroup] == narrow.Leave:
		return
	case clue.Path != "" && (dir == "" || slices.Contains(d.covered, dir)):
		next[rootGroup] = narrow.Leave // no volume can be mounted there
		return
	case dir == "":
		paths = append(paths, "/run", "/tmp")
	default:
		paths = append(paths, dir)
	}
	if answer, ok := d.book.offerPaths(paths); ok {
		d.search.Answer(rootGroup, answer)
		next[rootGroup] = answer.ID
	}
}

// denied suggests the same with a volume at the directory that belongs to another user: it
// belongs to nobody.
func (d *detective) denied(clue watch.Clue, c narrow.Candidate) {
	dir := watch.Directory(clue.Path)
	if dir == "" || slices.Contains(d.covered, dir) {
		return
	}
	if answer, ok := d.book.offerPaths(append(d.written(c), dir)); ok {
		d.search.Answer(rootGroup, answer)
		next := maps.Clone(c)
		next[rootGroup] = answer.ID
		d.suggest(c, next)
	}
}

// written returns where a candidate has volumes to write to.
func (d *detective) written(c narrow.Candidate) []string {
	return slices.Clone(d.book.answers[rootGroup][c[rootGroup]].WritablePaths)
}

var missing = regexp.MustCompile(`(?i)no such file|not found|cannot (find|open)|could not (find|open)|does not exist|ENOENT`)

// hidden looks for a file that the container misses since a volume is mounted above it. If the
// file is in a directory below the volume, a volume may do there. Else no volume can be mounted,
// and the root file system has to be writable.
func (d *detective) hidden(c narrow.Candidate, line string) {
	if !missing.MatchString(line) {
		return
	}
	for _, dir := range d.written(c) {
		_, file, found := strings.Cut(line, dir+"/")
		if !found {
			continue
		}
		next := maps.Clone(c)
		next[rootGroup] = narrow.Leave
		if below, _, deeper := strings.Cut(file, "/"); deeper {
			paths := slices.DeleteFunc(d.written(c), func(p string) bool { return p == dir })
			if answer, ok := d.book.offerPaths(append(paths, dir+"/"+below)); ok {
				d.search.Answer(rootGroup, answer)
				next[rootGroup] = answer.ID
			}
		} else {
			d.cover(dir)
		}
		d.suggest(c, next)
	}
}

// cover withdraws the answers that mount a volume at a directory.
func (d *detective) cover(dir string) {
	d.covered = append(d.covered, dir)
	for id, e := range d.book.answers[rootGroup] {
		if slices.Contains(e.WritablePaths, dir) {
			d.search.Withdraw(rootGroup, id)
		}
	}
}
