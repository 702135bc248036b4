// SPDX-License-Identifier: Apache-2.0

package evidence

import "fmt"

var workingDirectoryClosed = &Cause{
	ID:       "working-directory-closed",
	Title:    "Working directory closed to the user",
	Settings: []string{"runAsUser"},
	When:     "the user may not search the working directory",
	Because:  "the runtime enters it as root before it changes the user; but the program then finds no file by a relative path",
	Fix:      "run the container as a user that may search its working directory, or set workingDir in the manifest",
}

// workingDirectory notes a working directory that the process may not search.
func (r *run) workingDirectory(p *process, at location) {
	if at.missing || at.mounted != nil || p.may(at.file, execute) && r.search(p, at) == "" {
		return
	}
	dir, f := at.path, at.file
	if closed := r.search(p, at); closed != "" {
		dir = closed
		f, _ = r.stat(dir)
	}
	r.add(trouble{
		cause: workingDirectoryClosed, severity: Medium, key: at.path,
		what:  fmt.Sprintf("%s may not search the working directory %s", p, at.path),
		items: []Item{r.item(dir, describe(dir, f), f.Layer)},
	})
}
