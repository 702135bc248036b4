// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every field of the JSON report is documented, with its type, and no other.
func TestReportIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/preview.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(data), "\n## The JSON report\n")
	if !found {
		t.Fatal("docs/preview.md has no section on the JSON report")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	documented := map[string]map[string]string{}
	for _, part := range strings.Split(section, "\n### ")[1:] {
		name, rows, _ := strings.Cut(part, "\n")
		documented[name] = map[string]string{}
		for row := range strings.Lines(rows) {
			cells := strings.Split(row, "|")
			if len(cells) != 5 || !strings.HasPrefix(row, "| `") {
				continue
			}
			if strings.TrimSpace(cells[3]) == "" {
				t.Errorf("%s: no meaning: %s", name, row)
			}
			documented[name][strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	want := map[string]map[string]string{}
	describe(want, reflect.TypeFor[Report]())
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/preview.md (-the report +documented):\n%s", diff)
	}
}

// describe notes the fields of a type, and of those that it is made of.
func describe(all map[string]map[string]string, t reflect.Type) {
	if all[t.Name()] != nil {
		return
	}
	fields := map[string]string{}
	all[t.Name()] = fields
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		fields[name] = jsonType(all, f.Type)
		if options == "omitempty" {
			fields[name] += ", or not there"
		}
	}
}

func jsonType(all map[string]map[string]string, t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return "any"
	case t.Kind() == reflect.Pointer:
		return jsonType(all, t.Elem())
	case t.Kind() == reflect.Slice:
		return "list of " + jsonType(all, t.Elem())
	case t.Kind() == reflect.Struct:
		describe(all, t)
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Map:
		return "object"
	case t.Kind() == reflect.Bool:
		return "boolean"
	}
	return t.Kind().String()
}
