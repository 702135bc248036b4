// SPDX-License-Identifier: Apache-2.0

package evidence

import "slices"

// Starts reports whether a container reaches its main program under the profile, as far as
// is proven.
func Starts(c *Container, f *Facts) bool {
	r, _ := newStudy(c, f).under(c.After, nil)
	return !slices.ContainsFunc(r.troubles, func(t trouble) bool { return t.proven })
}

// Command returns the command that a container runs.
func Command(c *Container, image *Image) []string { return newStudy(c, &Facts{Image: image}).argv }

// Unanswered returns what is in the way under the profile where no change of it helps.
func Unanswered(c *Container, f *Facts) []Finding {
	s := newStudy(c, f)
	r, _ := s.under(c.After, nil)
	return s.findings(r.troubles, &candidate{}, nil)
}

// CanWrite reports whether the first process of a container can make files in a directory.
func CanWrite(c *Container, f *Facts, dir string) bool {
	r, _ := newStudy(c, f).under(c.After, nil)
	p, _ := r.firstProcess(c, &c.After, r.config)
	w := r.writing(&p, dir)
	return !w.denied && !w.readOnly && w.dir == dir
}
