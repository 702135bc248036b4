// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	k8syaml "sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/internal/doctest"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// FuzzPreview previews any text: nothing panics, documents stand in the text one
// after the other, every error has its line, and what is written keeps all that
// nothing is added to.
func FuzzPreview(f *testing.F) {
	for _, text := range doctest.Seeds(f, "in/") {
		f.Add(text)
	}
	f.Add([]byte("{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[{},null]}\n{"))
	f.Add([]byte("\ufeff%YAML 1.1\r\n---\r\napiVersion: v1\r\nkind: Pod\r\nspec: {containers: [{}]}\r\n...\r\n"))
	profile := profiletest.Builtin(f, "hardened")
	f.Fuzz(func(t *testing.T, text []byte) {
		p := preview.New(profile, []manifest.Input{{Name: "x", Data: text}}, preview.Options{})
		file := p.Files[0]
		text = file.Text
		at := len(text) - len(bytes.TrimPrefix(text, []byte("\ufeff")))
		var edits []yamledit.Edit
		for i, d := range file.Documents {
			if d.Start != at || d.End < d.Start || d.End > len(text) {
				t.Fatalf("document %d is from %d to %d, after one that ends at %d, in a text of %d bytes", i, d.Start, d.End, at, len(text))
			}
			at, edits = d.End, append(edits, d.Edits...)
		}
		if at != len(text) {
			t.Fatalf("documents end at %d, in a text of %d bytes", at, len(text))
		}
		lines := 1 + bytes.Count(text, []byte("\n"))
		if text == nil {
			return // it is no text
		}
		for _, err := range p.Errors {
			if err.Document < 1 || err.Line < 1 || err.Line > lines || err.Message == "" {
				t.Errorf("error without a line: %+v, in a text of %d lines", err, lines)
			}
		}
		for _, w := range p.Workloads {
			if w.Document < 1 || w.Line < 1 || w.Line > lines {
				t.Errorf("workload without a line: %+v, in a text of %d lines", w, lines)
			}
		}
		written := 0
		for _, e := range edits {
			written += len(e.Text) - (e.End - e.Start)
		}
		if hardened := yamledit.Apply(text, edits); len(hardened) != len(text)+written {
			t.Errorf("the hardened manifests have %d bytes, and not %d and %d", len(hardened), len(text), written)
		}
		for _, o := range Outputs() {
			if err := Write(io.Discard, p, o.Name, Style{Colour: true}); err != nil && (o.Name != "diff" || !file.IsUTF16) {
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
	profile := profiletest.Builtin(b, "hardened")
	for _, form := range []struct {
		name string
		text []byte
	}{{"documents", documents.Bytes()}, {"line", line}, {"pretty", pretty.Bytes()}} {
		for _, output := range Outputs() {
			b.Run(form.name+"/"+output.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p := preview.New(profile, []manifest.Input{{Name: "x", Data: form.text}}, preview.Options{})
					if err := Write(io.Discard, p, output.Name, Style{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pods, "µs/pod")
			})
		}
	}
}
