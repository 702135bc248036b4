// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// writeDiff writes a unified diff of each file that would change, which patch and
// git apply take.
func writeDiff(w io.Writer, r *preview.Report, s Style) error {
	out := diffWriter{w: w, paint: painter(s.Colour)}
	var unwritable error
	for _, f := range r.Files {
		var edits []yamledit.Edit
		for _, d := range f.Documents {
			edits = append(edits, d.Edits...)
		}
		switch {
		case len(edits) == 0:
			continue
		case f.IsUTF16:
			unwritable = errors.Join(unwritable, manifest.Error{File: f.Name, Message: "is UTF-16, and a diff of it could not be applied: convert it to UTF-8 first, or use -o yaml"})
			continue
		}
		name := "stdin"
		if f.Name != manifest.Stdin {
			name = diffName(f.Name)
		}
		out.file(name, f.Text, edits)
	}
	return errors.Join(out.err, unwritable)
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
