// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"path"
	"slices"
)

var directoryOfOthers = &Cause{
	ID:       "directory-owner",
	Title:    "Directory of another user",
	Settings: []string{"runAsUser"},
	When:     "the image gives a directory to its own user, or keeps it for root, and its program or entrypoint writes there",
	Because:  "owner and mode of the directory do not let another user make files in it",
	Fix:      "set runAsUser to the owner of the directory, or mount an emptyDir there if the directory is empty",
}

var directoryReadOnly = &Cause{
	ID:       "directory-read-only",
	Title:    "Directory that would be read-only",
	Settings: []string{"readOnlyRootFilesystem"},
	When:     "the program or the entrypoint of the image writes to a directory that no writable volume covers",
	Because:  "the root file system would be read-only there",
	Fix: "mount an emptyDir there if the directory is empty, or give the profile writablePaths; " +
		"readOnlyRootFilesystem: false in the manifest is enough only where the user of the container owns the directory",
}

// writes notes a directory in which the container makes files, and cannot.
func (r *run) writes(p *process, dir, source string, fatal bool) {
	w := r.writing(p, dir)
	if w.file.Mode.IsDir() && w.dir != "/" {
		r.cannotWrite(p, w, source, grade(fatal), fatal)
	}
}

// writesTo notes a directory in which the main program makes files, as far as is known.
func (r *run) writesTo(p *process, dir, source string, severity Severity) {
	w := r.writing(p, dir)
	if w.file.Mode.IsDir() && w.dir != "/" {
		r.cannotWrite(p, w, source, severity, false)
	}
}

func grade(fatal bool) Severity {
	if fatal {
		return High
	}
	return Medium
}

// writesFile notes a file that the container writes, and cannot. A file that is there needs
// no rights to its directory.
func (r *run) writesFile(p *process, file, source string, fatal bool) {
	at := r.resolve(file)
	r.made = append(r.made, at.path)
	if at.missing || at.mounted != nil || !at.file.Mode.IsRegular() {
		r.writes(p, path.Dir(at.path), source, fatal)
		return
	}
	w := r.writing(p, path.Dir(at.path))
	w.denied = r.search(p, at) != "" || !p.may(at.file, write)
	r.cannotWrite(p, w, source, grade(fatal), fatal)
}

func (r *run) cannotWrite(p *process, w writing, source string, severity Severity, fatal bool) {
	if slices.ContainsFunc(r.extra, func(extra string) bool { return within(w.dir, extra) }) {
		return
	}
	if severity == Medium && r.holdsData(w.dir, w.file) {
		severity = High
	}
	if w.denied {
		r.add(trouble{
			cause: directoryOfOthers, severity: severity, proven: fatal, key: w.dir, dir: w.dir,
			what:  fmt.Sprintf("%s cannot write to %s: %s", p.plain(), w.dir, source),
			items: []Item{r.item(w.dir, describe(w.dir, w.file)+"; "+source, w.file.Layer)},
		})
	}
	if w.readOnly {
		r.add(trouble{
			cause: directoryReadOnly, severity: severity, proven: fatal && r.surelyReadOnly(w.dir), key: w.dir, dir: w.dir,
			what:  fmt.Sprintf("%s would be read-only: %s", w.dir, source),
			items: []Item{r.item(w.dir, source, w.file.Layer)},
		})
	}
}

// plain names the user of a process that writes.
func (p *process) plain() string {
	if p.uid == 0 {
		return "root without capabilities"
	}
	return p.String()
}
