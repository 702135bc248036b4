// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// writeDiff writes a unified diff of each file that would change, which patch and
// git apply take.
func writeDiff(p *Preview, w io.Writer, colour bool) error {
	out := diffWriter{w: w, paint: painter(colour)}
	for _, f := range p.files {
		var edits []yamledit.Edit
		p.eachEdits(f, func(_ *document, own []yamledit.Edit) { edits = append(edits, own...) })
		switch {
		case len(edits) == 0:
			continue
		case f.isUTF16:
			p.Report.Errors = append(p.Report.Errors, InputError{File: f.Name, Message: "is UTF-16, and a diff of it could not be applied: convert it to UTF-8 first, or use -o yaml"})
			continue
		}
		name := "stdin"
		if f.Name != Stdin {
			name = visible(diffName(f.Name))
		}
		out.file(name, f.Data, edits)
	}
	return out.err
}

// diffName returns the path of a file from the working directory, as patch -p1 and git
// apply want it. What is not below that is named from the root: patch -p1 -d / takes
// it.
func diffName(name string) string {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return filepath.ToSlash(filepath.Clean(name))
	}
	here, err := filepath.Abs(".")
	if err == nil {
		if relative, err := filepath.Rel(here, absolute); err == nil && filepath.IsLocal(relative) {
			return filepath.ToSlash(relative)
		}
	}
	return strings.TrimPrefix(filepath.ToSlash(absolute), "/")
}
