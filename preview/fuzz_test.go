// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// FuzzPreview previews any text: nothing panics, documents stand in the text one
// after the other, every error has its place, and what is written keeps all that
// nothing is added to.
func FuzzPreview(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, in := range archive.Files {
			if strings.HasPrefix(in.Name, "in/") {
				f.Add(in.Data)
			}
		}
	}
	f.Add([]byte("{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[{},null]}\n{"))
	f.Add([]byte("\ufeff%YAML 1.1\r\n---\r\napiVersion: v1\r\nkind: Pod\r\nspec: {containers: [{}]}\r\n...\r\n"))
	profile := builtin(f, "hardened")
	f.Fuzz(func(t *testing.T, text []byte) {
		p := New(profile, []Input{{Name: "x", Data: text}}, nil)
		at := 0
		for i, d := range p.files[0].documents {
			if d.index != i+1 || d.start < at || d.end < d.start || d.end > len(text) {
				t.Fatalf("document %d stands from %d to %d, after one that ends at %d, in a text of %d bytes", d.index, d.start, d.end, at, len(text))
			}
			at = d.end
		}
		lines := 1 + bytes.Count(text, []byte("\n"))
		for _, err := range p.Report.Errors {
			if err.Document < 1 || err.Line < 1 || err.Line > lines || err.Message == "" {
				t.Errorf("error without a place: %+v, in a text of %d lines", err, lines)
			}
		}
		for _, w := range p.Report.Workloads {
			if w.Document < 1 || w.Line < 1 || w.Line > lines {
				t.Errorf("workload without a place: %+v, in a text of %d lines", w, lines)
			}
		}
		edits, _ := p.files[0].edits()
		written := 0
		for _, e := range edits {
			written += len(e.Text) - (e.End - e.Start)
		}
		if hardened := yamledit.Apply(text, edits); len(hardened) != len(text)+written {
			t.Errorf("the hardened manifests have %d bytes, and not %d and %d", len(hardened), len(text), written)
		}
		for _, o := range Outputs() {
			if err := p.Write(io.Discard, o.Name, true); err != nil {
				t.Errorf("%s: %v", o.Name, err)
			}
		}
	})
}

// The time that a preview of a thousand pods takes.
func BenchmarkPreview(b *testing.B) {
	const pods = 1000
	var text bytes.Buffer
	for i := range pods {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: pod-%d}\nspec:\n  containers:\n  - name: app\n    image: shop/web:%d\n    ports: [{containerPort: 80}]\n", i, i)
	}
	profile := builtin(b, "hardened")
	for _, output := range Outputs() {
		b.Run(output.Name, func(b *testing.B) {
			for b.Loop() {
				p := New(profile, []Input{{Name: "x", Data: text.Bytes()}}, nil)
				if err := p.Write(io.Discard, output.Name, false); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pods, "µs/pod")
		})
	}
}
