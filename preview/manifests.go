// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"errors"
	"io"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// hardened returns the text of a file with what would be added to it. Documents
// that cannot be added to without changing something else stay as they are, and
// are in the errors.
func (f *file) hardened() ([]byte, []InputError) {
	var text []byte
	var errs []InputError
	end := 0
	for _, d := range f.documents {
		text = append(text, f.Data[end:d.start]...)
		end = d.end
		original := f.Data[d.start:d.end]
		additions := make([]yamledit.Addition, 0, len(f.additions[d]))
		for _, a := range f.additions[d] {
			additions = append(additions, yamledit.Addition{Pointer: a.pointer, Value: a.value})
		}
		if len(additions) == 0 {
			text = append(text, original...)
			continue
		}
		added, err := yamledit.Add(original, additions)
		if err != nil {
			line, message := d.line, err.Error()
			if at, ok := errors.AsType[*yamledit.Error](err); ok {
				message = at.Message
				if at.Line > 0 {
					line = d.inFile(original, at.Line)
				}
			}
			errs = append(errs, InputError{File: f.Name, Document: d.index, Line: line, Message: "nothing was added: " + message})
			added = original
		}
		text = append(text, added...)
	}
	return append(text, f.Data[end:]...), errs
}

// writeManifests writes the hardened manifests, one file after the other.
func writeManifests(p *Preview, w io.Writer, _ bool) error {
	for i, f := range p.files {
		text, errs := f.hardened()
		p.Report.Errors = append(p.Report.Errors, errs...)
		if i > 0 && !beginsWithSeparator(text) {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		if len(text) > 0 && text[len(text)-1] != '\n' && i < len(p.files)-1 {
			text = append(text, '\n')
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
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
		text, errs := f.hardened()
		p.Report.Errors = append(p.Report.Errors, errs...)
		if bytes.Equal(text, f.Data) {
			continue
		}
		name := f.Name
		if name == Stdin {
			name = "stdin"
		}
		unified := diff.Diff("a/"+name, f.Data, "b/"+name, text)
		// The first line, "diff a/… b/…", is for people, and neither tool needs it.
		if _, rest, found := bytes.Cut(unified, []byte("\n")); found {
			unified = rest
		}
		if err := writeColoured(w, unified, colour); err != nil {
			return err
		}
	}
	return nil
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
