// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/doctest"
)

// link is a link of Markdown.
var link = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)

const schemaFile = "../docs/schemas/preview-v1alpha1.schema.json"

// closedSets are the values of strings that have a closed set of them, by the type and the
// field. The test that validates reports compares them with what reports hold.
var closedSets = map[string][]any{
	"Report.apiVersion": {"caseharden.io/v1alpha1"}, "Report.kind": {"Preview"},
	"Container.type": {"init", "regular", "ephemeral"}, "Decision.outcome": {"inject", "leave", "skip"},
	"Notice.kind":        {"overdue", "unused"},
	"Item.source":        {"manifest", "status", "known", "image", "run"},
	"PodSecurity.before": {"privileged", "baseline", "restricted"}, "PodSecurity.after": {"privileged", "baseline", "restricted"},
	"verdict": {"breaks", "risk", "unknown", "fits"}, "severity": {"high", "medium", "low"}, "minSeverity": {"high", "medium", "low"},
}

// The JSON Schema of the report is made of its types, with the meanings of docs/preview.md.
func TestSchema(t *testing.T) {
	definitions := map[string]any{}
	define(definitions, documentedMeanings(t), reflect.TypeFor[Report]())
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:caseharden.io:preview:v1alpha1",
		"title": "Report of caseharden preview -o json", "$ref": "#/$defs/Report", "$defs": definitions,
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	if *doctest.Update {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("run go test ./preview -run Schema -update, and read what changes (-want +got):\n%s", diff)
	}
}

// documentedMeanings are the third cells of the tables of docs/preview.md, by the type and
// the field.
func documentedMeanings(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../docs/preview.md")
	if err != nil {
		t.Fatal(err)
	}
	meanings := map[string]string{}
	_, section, _ := strings.Cut(string(data), "\n## The JSON report\n")
	for _, part := range strings.Split(section, "\n### ")[1:] {
		name, rows, _ := strings.Cut(part, "\n")
		for row := range strings.Lines(rows) {
			if cells := strings.Split(row, "|"); len(cells) == 5 && strings.HasPrefix(row, "| `") {
				meanings[name+"."+strings.Trim(cells[1], " `")] = strings.TrimSpace(link.ReplaceAllString(strings.ReplaceAll(cells[3], "`", ""), "$1"))
			}
		}
	}
	return meanings
}

// define adds the definition of a type, and of those that it is made of.
func define(definitions map[string]any, meanings map[string]string, t reflect.Type) {
	if definitions[t.Name()] != nil {
		return
	}
	properties, required := map[string]any{}, []string{}
	definitions[t.Name()] = map[string]any{"type": "object", "properties": properties}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if options != "omitempty" {
			required = append(required, name)
		}
		property := schemaOf(definitions, meanings, f.Type)
		for _, set := range []string{name, t.Name() + "." + name} {
			if values := closedSets[set]; values != nil {
				property["enum"] = values
			}
		}
		property["description"] = meanings[t.Name()+"."+name]
		properties[name] = property
	}
	if len(required) > 0 {
		definitions[t.Name()].(map[string]any)["required"] = required
	}
}

func schemaOf(definitions map[string]any, meanings map[string]string, t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	case t.Kind() == reflect.Pointer:
		return schemaOf(definitions, meanings, t.Elem())
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(definitions, meanings, t.Elem())}
	case t.Kind() == reflect.Struct:
		define(definitions, meanings, t)
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	return map[string]any{"type": "string"}
}
