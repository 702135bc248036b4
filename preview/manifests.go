// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"io"
	"slices"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// writeManifests writes the hardened manifests, one file after the other. It writes no
// document that was not read as a manifest: a file may be anything.
func writeManifests(p *Preview, w io.Writer, _ bool) error {
	files := slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool {
		return !slices.ContainsFunc(f.documents, func(d *document) bool { return d.isManifest || d.isEmpty() })
	})
	out := manifestWriter{w: w, several: len(files) > 1}
	for _, f := range files {
		body := bytes.TrimPrefix(f.Data, []byte(utf8Mark))
		if mark := f.Data[:len(f.Data)-len(body)]; !out.began {
			out.write(mark)
		}
		p.eachEdits(f, func(d *document, edits []yamledit.Edit) {
			if d.isManifest || d.isEmpty() {
				out.document(f, d, edits)
			}
		})
	}
	return out.err
}

// A manifestWriter writes documents so that each stays one of its own.
type manifestWriter struct {
	w       io.Writer
	several bool // files: then JSON values need separators, as not all is JSON
	began   bool
	cut     bool // what was written has no line break at its end
	err     error
}

func (out *manifestWriter) write(text []byte) {
	if out.err != nil || len(text) == 0 {
		return
	}
	_, out.err = out.w.Write(text)
	out.cut = text[len(text)-1] != '\n' && !bytes.Equal(text, []byte(utf8Mark))
}

func (out *manifestWriter) document(f *file, d *document, edits []yamledit.Edit) {
	at, end := d.start, d.end
	if out.several {
		if d.isJSON && d.isEmpty() {
			return // a null that separators would make no better
		}
		if d.isJSON {
			end -= len(f.Data[at:end]) - len(bytes.TrimRight(f.Data[at:end], " \t\r\n"))
			at += len(f.Data[at:end]) - len(bytes.TrimLeft(f.Data[at:end], " \t\r\n"))
		}
		if out.cut {
			out.write([]byte("\n"))
		}
		if out.began && !beginsWithSeparator(f.Data[at:end]) {
			out.write([]byte("---\n"))
		}
	}
	for _, e := range edits {
		out.write(f.Data[at:e.Start])
		out.write([]byte(e.Text))
		at = e.End
	}
	out.write(f.Data[at:end])
	out.began = true
}

// beginsWithSeparator reports whether a text begins a document of its own, or has no
// content that could run into what stands before.
func beginsWithSeparator(text []byte) bool {
	begin := content(text)
	if begin < 0 {
		return true
	}
	for line := range bytes.Lines(text[:begin]) {
		if isSeparator(line) {
			return true
		}
	}
	return false
}
