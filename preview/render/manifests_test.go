// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// The files that are written one after the other are the documents that they were.
func TestManifestsOfSeveralFiles(t *testing.T) {
	// Short names for objects, which make the table readable.
	written := func(t *testing.T, p *preview.Report) string {
		return strings.NewReplacer("apiVersion: v1\nkind: A", "a: 1", "apiVersion: v1\nkind: B", "b: 1", "apiVersion: v1\nkind: C", "c: 1",
			`{"apiVersion":"v1","kind":"A"}`, `{"a":1}`, `{"apiVersion":"v1","kind":"B"}`, `{"b":1}`, `{"apiVersion":"v1","kind":"C"}`, `{"c":1}`).Replace(written(t, p, "yaml"))
	}
	full := strings.NewReplacer("a: 1", "apiVersion: v1\nkind: A", "b: 1", "apiVersion: v1\nkind: B", "c: 1", "apiVersion: v1\nkind: C",
		`{"a":1}`, `{"apiVersion":"v1","kind":"A"}`, `{"b":1}`, `{"apiVersion":"v1","kind":"B"}`, `{"c":1}`, `{"apiVersion":"v1","kind":"C"}`)
	const hardened = "apiVersion: v1\nkind: Pod\nspec: {containers: []}"
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"without separators":                {[]string{"a: 1\n", "b: 1\n"}, "a: 1\n---\nb: 1\n"},
		"without a line break at the end":   {[]string{"a: 1", "b: 1"}, "a: 1\n---\nb: 1"},
		"with a separator":                  {[]string{"a: 1\n", "---\nb: 1\n"}, "a: 1\n---\nb: 1\n"},
		"with a separator after a comment":  {[]string{"a: 1\n", "# b\n--- # c\nb: 1\n"}, "a: 1\n# b\n--- # c\nb: 1\n"},
		"with a separator after a document": {[]string{"a: 1\n", "b: 1\n---\nc: 1\n"}, "a: 1\n---\nb: 1\n---\nc: 1\n"},
		"empty ones":                        {[]string{"a: 1\n", "", "# nothing\n", "b: 1\n"}, "a: 1\n# nothing\n---\nb: 1\n"},
		"JSON among others":                 {[]string{"a: 1\n", "{\"a\":1}\n{\"b\":1} {\"c\":1}"}, "a: 1\n---\n{\"a\":1}\n---\n{\"b\":1}\n---\n{\"c\":1}"},
		"JSON alone":                        {[]string{"{\"a\":1}\n{\"b\":1}\n"}, "{\"a\":1}\n{\"b\":1}\n"},
		"with a byte order mark":            {[]string{"\ufeffa: 1\n", "\ufeffb: 1\n"}, "\ufeffa: 1\n---\nb: 1\n"},
		"what is no manifest":               {[]string{"a: 1\n", "b: x\n", "c: 1\n---\nb: [\n---\n- b\n"}, "a: 1\n---\nc: 1\n"},
		"no manifest first":                 {[]string{"token\n---\nb: 1\n", "x\n", "c: 1\n"}, "---\nb: 1\n---\nc: 1\n"},
		"that are unchanged":                {[]string{hardened, hardened}, hardened + "\n---\n" + hardened},
	} {
		t.Run(name, func(t *testing.T) {
			var inputs []manifest.Input
			for _, text := range tt.files {
				inputs = append(inputs, manifest.Input{Name: "x.yaml", Data: []byte(full.Replace(text))})
			}
			if diff := gocmp.Diff(tt.want, written(t, preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{}))); diff != "" {
				t.Errorf("manifests (-want +got):\n%s", diff)
			}
		})
	}
}

// Errors are in the order of the input, whenever they are found: by file, document
// and line.
func TestErrorsAreInOrder(t *testing.T) {
	const user = "{name: c, securityContext: {runAsUser: x}}"
	inputs := []manifest.Input{
		{Name: "z.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nspec: {containers: [" + user + "]}\n---\nnot: yaml: [\n")},
		{Name: "a.yaml", Data: []byte("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: {containers: [" + user + "]}}\n- 1\n")},
	}
	var got []string
	for _, err := range preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{}).Errors {
		got = append(got, strings.Join(strings.Split(err.Error(), ":")[:2], ":"))
	}
	if diff := gocmp.Diff([]string{"z.yaml:1", "z.yaml:5", "a.yaml:4", "a.yaml:5"}, got); diff != "" {
		t.Errorf("places of the errors (-want +got):\n%s", diff)
	}
}

// A file of one line is written and compared as fast as one of many: what is done is
// in proportion to its length.
func TestEditsOfOneLineAreOne(t *testing.T) {
	item := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	text := []byte(`{"apiVersion":"v1","kind":"List","items":[` + item + strings.Repeat(","+item, 9) + "]}\n")
	p := preview.New(profiletest.Builtin(t, "hardened"), []manifest.Input{{Name: "x.json", Data: text}, {Name: "y.json", Data: append(text, text...)}}, preview.Options{})
	for i, want := range []int{1, 2} {
		f := p.Files[i]
		var edits []yamledit.Edit
		for _, d := range f.Documents {
			edits = append(edits, d.Edits...)
		}
		if len(p.Errors) > 0 || len(edits) < 10 {
			t.Fatalf("%d edits, %v", len(edits), p.Errors)
		}
		if got := byLine(f.Text, edits); len(got) != want {
			t.Errorf("%d edits of lines, want %d", len(got), want)
		}
	}
}

func TestValuesOnOneLine(t *testing.T) {
	for value, want := range map[string]string{
		`true`: "true", `10001`: "10001", `["ALL","NET_RAW"]`: "[ALL, NET_RAW]",
		`{"type":"Localhost","localhostProfile":"a/b-c.json"}`: "{type: Localhost, localhostProfile: a/b-c.json}",
		`[{"name":"net.ipv4.ping_group_range","value":"0 1"}]`: `[{name: net.ipv4.ping_group_range, value: "0 1"}]`,
		`{"level":"s0:c1,c2"}`:                                 `{level: "s0:c1,c2"}`,
		`{"a":"say \"x: y,z\""}`:                               `{a: "say \"x: y,z\""}`,
		`{"runAsUserName":"NT AUTHORITY\\LocalService"}`:       `{runAsUserName: "NT AUTHORITY\\LocalService"}`,
	} {
		if got := compact([]byte(value)); got != want {
			t.Errorf("compact(%s) = %s, want %s", value, got, want)
		}
	}
}
