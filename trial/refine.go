// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"maps"
	"slices"

	"github.com/caseharden/caseharden/trial/narrow"
)

// refine offers, next to an answer that works, those with one part less, and all parts less
// that a copy could do without.
func (d *detective) refine(c narrow.Candidate) {
	e := d.book.answers[rootGroup][c[rootGroup]]
	for i := range e.WritablePaths {
		if answer, ok := d.book.offerPaths(slices.Delete(slices.Clone(e.WritablePaths), i, i+1)); ok {
			d.search.Answer(rootGroup, answer)
		}
	}
	needed := slices.Clone(d.kept(c))
	for i := range d.kept(c) {
		answer, ok := d.book.offerCapabilities(slices.Delete(slices.Clone(d.kept(c)), i, i+1))
		if !ok {
			continue
		}
		d.search.Answer(capabilitiesGroup, answer)
	}
	for _, other := range d.search.Found() {
		if kept := d.kept(other); len(kept) > 0 && sameBut(capabilitiesGroup, c, other) {
			needed = slices.DeleteFunc(needed, func(n string) bool { return !slices.Contains(kept, n) })
		}
	}
	if answer, ok := d.book.offerCapabilities(needed); ok && c[capabilitiesGroup] != narrow.Leave {
		d.search.Answer(capabilitiesGroup, answer)
		next := maps.Clone(c)
		next[capabilitiesGroup] = answer.ID
		d.suggest(c, next)
	}
}

// sameBut reports whether two candidates differ in one group at most.
func sameBut(group string, a, b narrow.Candidate) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	delete(a, group)
	delete(b, group)
	return maps.Equal(a, b)
}
