// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/preview/manifest"
)

// Documents and objects are found with the lines on which they stand, and one
// that is broken does not keep the others from being read.
func TestDocuments(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string // an object: DOCUMENT:LINE KIND POINTER; or an error
	}{
		"one":                            {"apiVersion: v1\nkind: Pod\n", []string{"1:1 Pod"}},
		"comments before":                {"# a\n\napiVersion: v1\nkind: Pod\n", []string{"1:3 Pod"}},
		"several":                        {"apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n--- # last\napiVersion: v1\nkind: C", []string{"1:1 A", "2:4 B", "3:7 C"}},
		"empty ones":                     {"---\n---\n# nothing\n---\n\n---\napiVersion: v1\nkind: A\n---\n---\n", []string{"1:7 A"}},
		"a directive":                    {"%YAML 1.1\n---\napiVersion: v1\nkind: A\n", []string{"x:1: document 1: is a directive, which kubectl does not read: remove it", "2:3 A"}},
		"an end":                         {"apiVersion: v1\nkind: A\n...\n---\napiVersion: v1\nkind: B\n...\n", []string{"1:1 A", "2:5 B"}},
		"an end, and no separator":       {"apiVersion: v1\nkind: A\n...\n# next\napiVersion: v1\nkind: B\n", []string{"x:1: document 1: is more than one object, of which kubectl reads the first: put --- before each other one"}},
		"an end of nothing":              {"...\napiVersion: v1\nkind: A\n", []string{"x:1: document 1: is not YAML: did not find expected node content"}},
		"an end in a block":              {"apiVersion: v1\nkind: A\ndata: |\n  ...\n  b\n", []string{"1:1 A"}},
		"an end and a directive":         {"apiVersion: v1\nkind: A\n...\n%YAML 1.1\n---\napiVersion: v1\nkind: B\n", []string{"1:1 A", "2:6 B"}},
		"a merged key, overridden":       {"x: &x {kind: A, y: 1}\n<<: *x\nkind: B\napiVersion: v1\n", []string{"1:1 B"}},
		"a merged key, and a name twice": {"x: &x {kind: A}\n<<: *x\nkind: B\napiVersion: v1\nkind: C\n", []string{`x:5: document 1: is not YAML: mapping key "kind" already defined at line 3`}},
		"bad items":                      {"apiVersion: v1\nkind: List\nitems:\n- 1\n- {apiVersion: v1, kind: A}\n- {kind: B}\n", []string{"1:5 A /items/1", "x:4: document 1: items[0]: must be an object", "x:6: document 1: must have apiVersion and kind"}},
		"nothing":                        {"", nil},
		"comments only":                  {"# nothing\n---\n# at all\n", nil},
		"CRLF":                           {"apiVersion: v1\r\nkind: A\r\n---\r\napiVersion: v1\r\nkind: B\r\n", []string{"1:1 A", "2:4 B"}},
		"a byte order mark":              {"\ufeffapiVersion: v1\nkind: A\n", []string{"1:1 A"}},
		"dashes in a block":              {"apiVersion: v1\nkind: A\ndata: |\n  a\n  ---\n  b\n", []string{"1:1 A"}},
		"a list":                         {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n\n- apiVersion: v1\n  kind: B\n", []string{"1:4 A /items/0", "1:7 B /items/1"}},
		"a typed list":                   {"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: x}\n", []string{"1:4 Pod /items/0"}},
		"an empty list":                  {"apiVersion: v1\nkind: List\nitems: []\n", nil},
		"a list of null":                 {"apiVersion: v1\nkind: PodList\nitems: null\n", nil},
		"a list in a list":               {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: A}\n", []string{"1:4 A /items/0/items/0"}},
		"lists in a list":                {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: A}\n  - {apiVersion: v1, kind: B}\n- {apiVersion: v1, kind: C}\n", []string{"1:4 A /items/0/items/0", "1:4 B /items/0/items/1", "1:9 C /items/1"}},
		"a directive that matters":       {"%TAG !e! tag:example.com,2000:\n---\napiVersion: v1\nkind: A\nx: !e!t 1\n", []string{"x:1: document 1: is a directive, which kubectl does not read: remove it", "x:4: document 2: is not YAML: found undefined tag handle"}},
		"a kind named List":              {"apiVersion: example.com/v1\nkind: WaitingList\n", []string{"1:1 WaitingList"}},
		"JSON":                           {"{\n  \"apiVersion\": \"v1\", \"kind\": \"A\"\n}\n", []string{"1:1 A"}},
		"JSON, several":                  {"{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n\n{\"apiVersion\":\"v1\",\"kind\":\"B\"}\n", []string{"1:1 A", "2:3 B"}},
		"a JSON list":                    {"{\"apiVersion\":\"v1\",\"kind\":\"List\",\n\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"A\"},\n\n{\"apiVersion\":\"v1\",\"kind\":\"B\"}]}", []string{"1:3 A /items/0", "1:5 B /items/1"}},
		"a JSON list, late":              {"\n{\"metadata\":{\"items\":[1]},\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"A\"}],\"apiVersion\":\"v1\",\"kind\":\"List\"}", []string{"1:3 A /items/0"}},
		"YAML that is flow":              {"{apiVersion: v1, kind: A}\n---\n{apiVersion: v1, kind: B}\n", []string{"1:1 A", "2:3 B"}},
		"JSON between dashes":            {"{\"apiVersion\": \"v1\", \"kind\": \"A\"}\n---\n{\"apiVersion\": \"v1\", \"kind\": \"B\"}\n", []string{"1:1 A", "2:3 B"}},
		"a tab":                          {"apiVersion: v1\nkind: A\n---\na:\n\tb: c\n---\na:\n  b: c\n\td: e\n", []string{"1:1 A", "x:5: document 2: is not YAML: this line is indented with a tab: use spaces", "x:9: document 3: is not YAML: this line is indented with a tab: use spaces"}},
		"broken YAML":                    {"apiVersion: v1\nkind: A\n---\na: b\n c: d\n---\napiVersion: v1\nkind: B\n", []string{"1:1 A", "x:5: document 2: is not YAML: mapping values are not allowed in this context", "3:7 B"}},
		"a template":                     {"apiVersion: v1\nkind: {{ .Values.kind }}\n", []string{"x:1: document 1: is not YAML: invalid map key: map[interface {}]interface {}{\".Values.kind\":interface {}(nil)}; templates have to be rendered first, as with helm template"}},
		"a name twice":                   {"apiVersion: v1\nkind: A\nkind: B\n", []string{"x:3: document 1: is not YAML: key \"kind\" already set in map"}},
		"broken JSON":                    {"{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n{\"kind\":\"B\",\"apiVersion\":\"v1\"}\n{\"kind\": oops}\n", []string{"1:1 A", "2:2 B", "x:3: document 3: kind: is not JSON: invalid character 'o' at start of value at byte 9"}},
		"JSON after a separator":         {"---\n# two\n{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n{\"apiVersion\":\"v1\",\"kind\":\"B\"}\n---\napiVersion: v1\nkind: C\n", []string{"x:3: document 1: is more than one object, of which kubectl reads the first: put --- before each other one", "2:6 C"}},
		"flow after flow":                {"{apiVersion: v1, kind: A}\n{apiVersion: v1, kind: B}\n", []string{"x:1: document 1: is more than one object, of which kubectl reads the first: put --- before each other one"}},
		"flow, and what is broken":       {"{apiVersion: v1, kind: A}\n]\n", []string{"x:1: document 1: is more than one object, of which kubectl reads the first: put --- before each other one"}},
		"a mark further down":            {"apiVersion: v1\nkind: A\n---\n# a comment\n\ufeffapiVersion: v1\nkind: B\n", []string{"1:1 A", "x:5: document 2: has a byte order mark in the middle of the file: remove it"}},
		"a mark between documents":       {"apiVersion: v1\nkind: A\n---\n\ufeffapiVersion: v1\nkind: B\n", []string{"1:1 A", "2:4 B"}},
		"no kind":                        {"apiVersion: v1\n", []string{"x:1: document 1: must have apiVersion and kind"}},
		"a scalar":                       {"just text\n", []string{"x:1: document 1: must be an object with apiVersion and kind"}},
		"a sequence":                     {"- 1\n", []string{"x:1: document 1: must be an object with apiVersion and kind"}},
		"a kind that is no text":         {"apiVersion: v1\nkind: 1\n", []string{"x:1: document 1: kind: must be a string, is a number"}},
		"an item that is none":           {"apiVersion: v1\nkind: List\nitems:\n- 1\n- {apiVersion: v1, kind: A}\n", []string{"1:5 A /items/1", "x:4: document 1: items[0]: must be an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			files, errs := manifest.Read([]manifest.Input{{Name: "x", Data: []byte(tt.text)}})
			var got []string
			for _, d := range files[0].Documents {
				for _, o := range d.Objects {
					got = append(got, strings.TrimSpace(fmt.Sprintf("%d:%d %s %s", d.Index, o.Line, o.Kind, o.Pointer)))
				}
				for _, err := range errs {
					if err.Document == d.Index {
						got = append(got, err.Error())
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("objects and errors (-want +got):\n%s", diff)
			}
		})
	}
}

// What stands in a manifest, or in its name, cannot steer the terminal that shows
// what is wrong with it.
func TestErrorsAreText(t *testing.T) {
	err := manifest.Error{File: "a\x1b[1mb", Line: 1, Document: 2, Message: "c\u202ed\ne"}
	if got, want := err.Error(), `a\u001b[1mb:1: document 2: c\u202ed\u000ae`; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
