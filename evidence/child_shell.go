// SPDX-License-Identifier: Apache-2.0

package evidence

import "github.com/caseharden/caseharden/internal/shell"

// shells are the child shells in which a step runs, outermost first, with what held before
// them and holds again after them.
type shells []childShell

type childShell struct {
	number    int
	cwd       string
	uncertain bool
}

// enter leaves the child shells in which the next step does not run, and enters its own.
func (r *run) enter(inside *shells, next []int) {
	same := 0
	for same < min(len(*inside), len(next)) && (*inside)[same].number == next[same] {
		same++
	}
	if same < len(*inside) {
		left := (*inside)[same]
		r.cwd, r.uncertain = left.cwd, left.uncertain
		*inside = (*inside)[:same]
	}
	for _, number := range next[same:] {
		*inside = append(*inside, childShell{number, r.cwd, r.uncertain})
	}
}

// ends notes the end of a child shell. Nobody knows what follows in it; and if the script
// does not ask how it ended, then that may be the end of the script.
func (r *run) ends(inside shells, step shell.Step) {
	r.uncertain = true
	for i := range inside {
		inside[i].uncertain = inside[i].uncertain || !step.Handled
	}
}
