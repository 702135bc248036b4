// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	k8syaml "sigs.k8s.io/yaml"

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
		text = p.files[0].Data // as UTF-8
		at, index := len(text)-len(bytes.TrimPrefix(text, []byte("\ufeff"))), 0
		for _, d := range p.files[0].documents {
			if !d.isEmpty() {
				index++
			}
			if !d.isEmpty() && d.index != index || d.start != at || d.end < d.start || d.end > len(text) {
				t.Fatalf("document %d stands from %d to %d, after one that ends at %d, in a text of %d bytes", d.index, d.start, d.end, at, len(text))
			}
			at = d.end
		}
		if at != len(text) {
			t.Fatalf("documents end at %d, in a text of %d bytes", at, len(text))
		}
		lines := 1 + bytes.Count(text, []byte("\n"))
		if text == nil {
			return // it is no text
		}
		for _, err := range p.Report.Errors {
			if err.Document < 1 && !p.files[0].isUTF16 || err.Line < 1 || err.Line > lines || err.Message == "" {
				t.Errorf("error without a place: %+v, in a text of %d lines", err, lines)
			}
		}
		for _, w := range p.Report.Workloads {
			if w.Document < 1 || w.Line < 1 || w.Line > lines {
				t.Errorf("workload without a place: %+v, in a text of %d lines", w, lines)
			}
		}
		edits, _ := p.files[0].allEdits()
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

// The time that a preview of two thousand pods takes, in the forms in which there are many
// in one file. It is in proportion to their number.
func BenchmarkPreview(b *testing.B) {
	const pods = 2000
	var documents bytes.Buffer
	var items []any
	for i := range pods {
		text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: pod-%d}\nspec:\n  containers:\n  - name: app\n    image: shop/web:%d\n    ports: [{containerPort: 80}]\n", i, i)
		documents.WriteString("---\n" + text)
		var object any
		if err := k8syaml.Unmarshal([]byte(text), &object); err != nil {
			b.Fatal(err)
		}
		items = append(items, object)
	}
	line, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		b.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, line, "", "    "); err != nil {
		b.Fatal(err)
	}
	profile := builtin(b, "hardened")
	for _, form := range []struct {
		name string
		text []byte
	}{{"documents", documents.Bytes()}, {"line", line}, {"pretty", pretty.Bytes()}} {
		for _, output := range Outputs() {
			b.Run(form.name+"/"+output.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p := New(profile, []Input{{Name: "x", Data: form.text}}, nil)
					if err := p.Write(io.Discard, output.Name, false); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pods, "µs/pod")
			})
		}
	}
}
