// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// edits returns what is to be added to the text of a file. Documents that cannot be
// added to without changing something else stay as they are, and are in the errors.
func (f *file) edits() (edits []yamledit.Edit, errs []InputError) {
	for _, d := range f.documents {
		text := f.Data[d.start:d.end]
		additions := make([]yamledit.Addition, 0, len(f.additions[d]))
		for _, a := range f.additions[d] {
			additions = append(additions, yamledit.Addition{Pointer: a.pointer, Value: a.value})
		}
		if len(additions) == 0 {
			continue
		}
		own, err := yamledit.Edits(text, additions)
		if err != nil {
			line, message := d.line, err.Error()
			if at, ok := errors.AsType[*yamledit.Error](err); ok {
				message = at.Message
				if at.Line > 0 {
					line = d.inFile(text, at.Line)
				}
			}
			errs = append(errs, InputError{File: f.Name, Document: d.index, Line: line, Message: "nothing was added: " + message})
		}
		for _, e := range own {
			edits = append(edits, yamledit.Edit{Start: d.start + e.Start, End: d.start + e.End, Text: e.Text})
		}
	}
	return edits, errs
}

// writeManifests writes the hardened manifests, one file after the other. It writes no
// document that was not read as a manifest: a file may be anything.
func writeManifests(p *Preview, w io.Writer, _ bool) error {
	var files []*file
	for _, f := range p.files {
		if len(f.documents) == 0 || slices.ContainsFunc(f.documents, func(d *document) bool { return d.isManifest }) {
			files = append(files, f)
		}
	}
	for i, f := range files {
		edits, errs := f.edits()
		p.Report.Errors = append(p.Report.Errors, errs...)
		if len(files) > 1 {
			edits = f.separated(edits)
		}
		text := yamledit.Apply(f.Data, f.withoutOthers(edits))
		if i > 0 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if i > 0 && !beginsWithSeparator(text) {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		if len(text) > 0 && text[len(text)-1] != '\n' && i < len(files)-1 {
			text = append(text, '\n')
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// withoutOthers adds edits that leave out the documents that are no manifests.
func (f *file) withoutOthers(edits []yamledit.Edit) []yamledit.Edit {
	for _, d := range f.documents {
		if !d.isManifest {
			edits = append(edits, yamledit.Edit{Start: d.start, End: d.end})
		}
	}
	slices.SortStableFunc(edits, func(a, b yamledit.Edit) int { return cmp.Compare(a.Start, b.Start) })
	return edits
}

// separated returns the edits with separators between JSON values, which may stand
// one after the other only where there is nothing but JSON.
func (f *file) separated(edits []yamledit.Edit) []yamledit.Edit {
	for i, d := range f.documents {
		if i > 0 && d.isJSON && d.isManifest && f.documents[i-1].isJSON {
			at := d.start + len(f.Data[d.start:d.end]) - len(bytes.TrimLeft(f.Data[d.start:d.end], " \t\r\n"))
			edits = append(edits, yamledit.Edit{Start: at, End: at, Text: "\n---\n"})
		}
	}
	slices.SortStableFunc(edits, func(a, b yamledit.Edit) int { return cmp.Compare(a.Start, b.Start) })
	return edits
}

// beginsWithSeparator says whether a file begins a document of its own.
func beginsWithSeparator(text []byte) bool {
	for line := range bytes.Lines(text) {
		if isSeparator(line) {
			return true
		}
		if contentOf(line) {
			return false
		}
	}
	return true // nothing that could run into what stands before
}

// writeDiff writes a unified diff of each file that would change, which patch and
// git apply take.
func writeDiff(p *Preview, w io.Writer, colour bool) error {
	for _, f := range p.files {
		edits, errs := f.edits()
		p.Report.Errors = append(p.Report.Errors, errs...)
		if len(edits) == 0 {
			continue
		}
		name := "stdin"
		if f.Name != Stdin {
			name = visible(diffName(f.Name))
		}
		// The edits are known, so nothing has to be searched for: no line that was there
		// is shown as removed and added again.
		unified, err := udiff.ToUnified("a/"+name, "b/"+name, string(f.Data), byLine(f.Data, edits), udiff.DefaultContextLines)
		if err != nil {
			return err
		}
		if err := writeColoured(w, []byte(unified), colour); err != nil {
			return err
		}
	}
	return nil
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

// byLine returns the edits with those of one line made one: for each, the library
// copies the line, which may be a whole file of JSON.
func byLine(text []byte, edits []yamledit.Edit) []udiff.Edit {
	var changes []udiff.Edit
	for len(edits) > 0 {
		start, end := edits[0].Start, edits[0].End
		var b strings.Builder
		b.WriteString(edits[0].Text)
		edits = edits[1:]
		for len(edits) > 0 && !bytes.Contains(text[end:edits[0].Start], []byte("\n")) {
			b.Write(text[end:edits[0].Start])
			b.WriteString(edits[0].Text)
			end, edits = edits[0].End, edits[1:]
		}
		changes = append(changes, udiff.Edit{Start: start, End: end, New: b.String()})
	}
	return changes
}

func writeColoured(w io.Writer, unified []byte, colour bool) error {
	paint := painter(colour)
	for line := range bytes.Lines(unified) {
		text, newline := bytes.CutSuffix(line, []byte("\n"))
		shade := plain
		switch {
		case bytes.HasPrefix(line, []byte("--- ")), bytes.HasPrefix(line, []byte("+++ ")):
			shade = bold
		case line[0] == '+':
			shade = green
		case line[0] == '-':
			shade = red
		case bytes.HasPrefix(line, []byte("@@")):
			shade = cyan
		}
		out := paint(shade, string(text))
		if newline {
			out += "\n"
		}
		if _, err := io.WriteString(w, out); err != nil {
			return err
		}
	}
	return nil
}
