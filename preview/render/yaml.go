// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"io"
	"slices"

	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// writeManifests writes the hardened manifests, one file after the other. It writes no
// document that was not read as a manifest: a file may be anything.
func writeManifests(w io.Writer, r *preview.Report, _ Style) error {
	files := slices.DeleteFunc(slices.Clone(r.Files), func(f preview.File) bool {
		return !slices.ContainsFunc(f.Documents, isWritten)
	})
	out := manifestWriter{w: w, several: len(files) > 1}
	for _, f := range files {
		body := bytes.TrimPrefix(f.Text, []byte(manifest.Mark))
		if mark := f.Text[:len(f.Text)-len(body)]; !out.began {
			out.write(mark)
		}
		for _, d := range f.Documents {
			if isWritten(d) {
				out.document(f.Text, d)
			}
		}
	}
	return out.err
}

func isWritten(d preview.Document) bool { return d.IsManifest || d.IsEmpty }

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
	out.cut = text[len(text)-1] != '\n' && !bytes.Equal(text, []byte(manifest.Mark))
}

func (out *manifestWriter) document(text []byte, d preview.Document) {
	at, end := d.Start, d.End
	if out.several {
		if d.IsJSON && d.IsEmpty {
			return // a null that separators would make no better
		}
		if d.IsJSON {
			end -= len(text[at:end]) - len(bytes.TrimRight(text[at:end], " \t\r\n"))
			at += len(text[at:end]) - len(bytes.TrimLeft(text[at:end], " \t\r\n"))
		}
		if out.cut {
			out.write([]byte("\n"))
		}
		if out.began && !manifest.BeginsDocument(text[at:end]) {
			out.write([]byte("---\n"))
		}
	}
	for _, e := range d.Edits {
		out.write(text[at:e.Start])
		out.write([]byte(e.Text))
		at = e.End
	}
	out.write(text[at:end])
	out.began = true
}
