// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// kubectlReads returns the objects that kubectl reads from a file, as its FileVisitor and
// its StreamVisitor do (k8s.io/cli-runtime/pkg/resource).
func kubectlReads(data []byte) (objects []string, err error) {
	text := transform.NewReader(bytes.NewReader(data), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := utilyaml.NewYAMLOrJSONDecoder(text, 4096)
	for {
		var ext runtime.RawExtension
		if err := decoder.Decode(&ext); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return objects, err
		}
		raw := bytes.TrimSpace(ext.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		objects = append(objects, canonical(raw))
	}
}

func canonical(raw []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return string(raw)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

// previewReads returns the documents that a preview reads from a file, each as one
// object.
func previewReads(data []byte) (objects []string, errs []manifest.Error) {
	files, errs := manifest.Read([]manifest.Input{{Name: "x", Data: data}})
	for _, d := range files[0].Documents {
		for _, o := range d.Objects {
			objects = append(objects, canonical(o.Raw))
		}
	}
	return objects, errs
}

const (
	jsonA = `{"apiVersion":"v1","kind":"A"}`
	jsonB = `{"apiVersion":"v1","kind":"B"}`
	jsonC = `{"apiVersion":"v1","kind":"C"}`
	yamlA = "apiVersion: v1\nkind: A\n"
	yamlB = "apiVersion: v1\nkind: B\n"
	yamlC = "apiVersion: v1\nkind: C\n"
	flowA = "{apiVersion: v1, kind: A}\n"
	flowB = "{apiVersion: v1, kind: B}\n"
)

// borderForms are the ways in which documents begin and end.
var borderForms = map[string]string{
	"one":                              yamlA,
	"without a line break at the end":  "apiVersion: v1\nkind: A",
	"two":                              yamlA + "---\n" + yamlB,
	"a separator first":                "---\n" + yamlA,
	"a separator last":                 yamlA + "---\n",
	"a separator last, cut":            yamlA + "---",
	"separators alone":                 "---\n---\n",
	"many separators":                  "---\n---\n" + yamlA + "---\n---\n---\n" + yamlB + "---\n---",
	"a comment last":                   yamlA + "---\n# c\n#\n# d\n",
	"a comment last, cut":              yamlA + "---\n# c",
	"a comment first":                  "# c\n---\n" + yamlA,
	"a comment between":                yamlA + "---\n# c\n---\n" + yamlB,
	"a comment on the separator":       yamlA + "--- # c\n" + yamlB + "---\t#c\n",
	"white space on the separator":     yamlA + "---  \n" + yamlB + "---\t\n" + yamlC,
	"white space last":                 yamlA + "---\n  \n\n",
	"an end":                           yamlA + "...\n",
	"an end, cut":                      yamlA + "...",
	"an end and a separator":           yamlA + "...\n---\n" + yamlB + "...\n",
	"an end and a comment":             yamlA + "...\n# c\n---\n" + yamlB,
	"an end and a directive":           yamlA + "...\n%YAML 1.1\n---\n" + yamlB,
	"two ends":                         yamlA + "...\n...\n---\n" + yamlB,
	"null":                             "null\n",
	"nulls":                            "---\nnull\n---\n" + yamlA + "---\n~\n---\nnull\n---\n" + yamlB + "---\nNull",
	"nothing":                          "",
	"white space":                      " \n\n  \n",
	"comments":                         "# c\n# d",
	"JSON":                             jsonA,
	"JSON, several":                    jsonA + "\n" + jsonB + "\n" + jsonC + "\n",
	"JSON, on one line":                jsonA + jsonB + " " + jsonC,
	"JSON and nulls":                   jsonA + "null " + jsonB + "\nnull",
	"JSON and a separator":             jsonA + "\n---\n",
	"JSON between separators":          "---\n" + jsonA + "\n---\n" + jsonB + "\n---\n",
	"JSON before a separator and JSON": jsonA + "\n---\n" + jsonB + "\n---\n" + jsonC,
	"JSON before a separator and YAML": jsonA + "\n---\n" + yamlB + "---\n" + yamlC,
	"JSON before YAML":                 jsonA + "\n" + yamlB + "---\n" + yamlC,
	"JSON before YAML, on its line":    jsonA + "   \n" + flowB,
	"JSON after white space":           "\n \t\n" + jsonA + "\n---\n" + jsonB,
	"JSON and a comment":               jsonA + "\n# c\n",
	"flow":                             flowA + "---\n" + flowB,
	"flow after white space":           "\n\n  " + flowA + "---\n" + flowB,
	"block scalars with separators":    yamlA + "data: |\n  a\n  ---\n  ...\n  b\n---\n" + yamlB + "data: >-\n\n  ---\n\n\n---\n" + yamlC,
	"indented":                         "  apiVersion: v1\n  kind: A\n---\n    apiVersion: v1\n    kind: B\n",
	"a quoted key":                     "\"apiVersion\": v1\nkind: A\n",
}

// A preview reads the documents that kubectl reads, whatever ends the lines, and nothing
// is wrong with them. Every output has the same.
func TestDocumentsAreThoseOfKubectl(t *testing.T) {
	t.Parallel()
	for name, text := range borderForms {
		for encoding, data := range encodings(text) {
			t.Run(name+" "+encoding, func(t *testing.T) {
				t.Parallel()
				want, err := kubectlReads(data)
				if err != nil {
					t.Fatalf("kubectl does not read it: %v", err)
				}
				got, errs := previewReads(data)
				if diff := gocmp.Diff(want, got); diff != "" || errs != nil {
					t.Errorf("%q: errors %v, documents (-kubectl +preview):\n%s", text, errs, diff)
				}
				// Twice, so that one file follows the other.
				p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x", Data: data}, {Name: "y", Data: data}}, preview.Options{})
				rewritten, err := kubectlReads([]byte(written(t, p, "yaml")))
				if diff := gocmp.Diff(append(want, want...), rewritten); diff != "" || err != nil {
					t.Errorf("%q: error %v, documents of -o yaml (-before +after):\n%s", text, err, diff)
				}
				if p.Summary.Objects != 2*len(want) || len(p.Errors) > 0 {
					t.Errorf("%q: %d objects, want 2 × %d; errors %v", text, p.Summary.Objects, len(want), p.Errors)
				}
			})
		}
	}
}

// encodings returns a text with other ends of lines, and as the encodings that kubectl
// reads.
func encodings(text string) map[string][]byte {
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	units := utf16.Encode([]rune("\ufeff" + crlf))
	var little, big []byte
	for _, u := range units {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	return map[string][]byte{
		"": []byte(text), "CRLF": []byte(crlf), "UTF-8 with a mark": []byte("\ufeff" + text), "UTF-16LE": little, "UTF-16BE": big,
	}
}

// FuzzDocuments compares the documents of a preview with those that kubectl reads of any
// text: they are the same, or there is an error.
func FuzzDocuments(f *testing.F) {
	for _, text := range borderForms {
		for _, data := range encodings(text) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, errs := previewReads(data)
		if len(errs) > 0 || bytes.Contains(data, []byte("List")) || bytes.Contains(data, []byte("i\x00s\x00t")) {
			return
		}
		want, err := kubectlReads(data)
		// Where no more than four bytes follow a JSON value, kubectl does not get to see that
		// they are a comment or a separator.
		files, _ := manifest.Read([]manifest.Input{{Name: "x", Data: data}})
		text := files[0].Data
		if syntax, ok := errors.AsType[utilyaml.JSONSyntaxError](err); ok && int(syntax.Offset) >= len(bytes.TrimPrefix(text, []byte(manifest.Mark)))-4 {
			err = nil
		}
		if diff := gocmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: kubectl says %v; documents (-kubectl +preview):\n%s", data, err, diff)
		}
	})
}
