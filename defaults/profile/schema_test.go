// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/doctest"
)

const schemaFile = "../../docs/schemas/profile-v1alpha1.schema.json"

// The JSON Schema of profiles, for editors, has the fields of the catalogue and says what
// Parse says, as far as a schema can.
func TestSchema(t *testing.T) {
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(profileSchema(t)); err != nil {
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
		t.Errorf("run go test ./defaults/profile -run Schema -update, and read what changes (-want +got):\n%s", diff)
	}
}

// unsaid are the errors of Parse that no schema can say, with the reason.
var unsaid = map[string]string{
	"empty": "there is no document", "not YAML": "YAML", "a tab": "YAML", "a tab, later": "YAML", "a repeated field": "YAML",
	"a name twice": "compares documents",
	"no such base": "looks for a profile", "a misspelled base": "looks for a profile", "its own base": "looks for a profile",
	"null of no default": "depends on the base", "nothing to mount": "depends on the base",
	"paths of an exception, and no need": "depends on the base", "what is no default": "depends on the base",
	"a field without default": "depends on the base", "left, and given by an earlier exception": "depends on the base",
	"left, with null": "depends on the base", "a path twice": "compares parts of elements", "left and given": "compares members",
	"two SELinux options": "compares members", "paths beside what leaves the root": "compares members",
}

// What Parse refuses the schema refuses too, unless it is listed as unsaid.
func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for name, tt := range profileErrors {
		err := validateAll(schema, tt.data)
		if reason, listed := unsaid[name]; listed == (err != nil) {
			t.Errorf("%s: listed as unsaid: %t (%s), and the schema says %v", name, listed, reason, err)
		}
	}
	for name := range unsaid {
		if _, found := profileErrors[name]; !found {
			t.Errorf("%q is listed as unsaid, and is no case", name)
		}
	}
}

// Every value that a profile may give a field is allowed, and the others are refused, but
// for those that only the kernel's or the API's own functions tell.
func TestSchemaValues(t *testing.T) {
	schema := compiledSchema(t)
	data, err := os.ReadFile("../testdata/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]struct{ Allowed, Refused []string }
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	notTold := map[string]bool{"NETRAW": true} // a capability that there is not
	for name, v := range values {
		level := "container"
		if !slices.Contains(namesAt(1), name) {
			level = "pod"
		}
		parts := strings.Split(name, ".")
		with := func(value string) string {
			return head + "spec: {" + level + ": {" + strings.Join(parts, ": {") + ": " + value + strings.Repeat("}", len(parts)-1) + "}}"
		}
		for _, value := range v.Allowed {
			if err := validateAll(schema, with(value)); err != nil {
				t.Errorf("%s: %s: %v", name, value, err)
			}
		}
		for _, value := range v.Refused {
			// Which values the kernel takes for a sysctl, and which it takes twice, is code.
			if name == "sysctls" && strings.Contains(value, `, value: "`) || notTold[strings.Trim(value, "[]")] {
				continue
			}
			if err := validateAll(schema, with(value)); err == nil {
				t.Errorf("%s: %s is allowed", name, value)
			}
		}
	}
}

// Profiles that Parse takes have no errors in an editor. Each example names the schema.
func TestSchemaAllows(t *testing.T) {
	schema := compiledSchema(t)
	examples, err := filepath.Glob("../../docs/examples/profiles/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("examples: %d, %v", len(examples), err)
	}
	for _, file := range append(examples, "../testdata/everything.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validateAll(schema, string(data)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		const modeline = "# yaml-language-server: $schema=../../schemas/profile-v1alpha1.schema.json\n"
		if slices.Contains(examples, file) && !strings.HasPrefix(string(data), modeline) {
			t.Errorf("%s: must begin with %s", file, modeline)
		}
	}
	builtin, err := builtinFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range builtin {
		// Only the built-in profiles have their names.
		if err := validateAll(schema, strings.Replace(string(f.Data), "\n  name: ", "\n  name: my-", 1)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat() // as editors do
	if err := c.AddResource("profile", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profile")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validateAll validates each document of a file; one that is no YAML is not validated.
func validateAll(schema *jsonschema.Schema, data string) error {
	decoder := yaml.NewDecoder(strings.NewReader(data))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err != nil {
			return nil
		}
		if err := schema.Validate(valueOfNode(&document)); err != nil {
			return err
		}
	}
}

// valueOfNode returns what a node is in JSON, where there are no dates.
func valueOfNode(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return valueOfNode(n.Content[0])
	case yaml.AliasNode:
		return valueOfNode(n.Alias)
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			object[n.Content[i].Value] = valueOfNode(n.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, e := range n.Content {
			list = append(list, valueOfNode(e))
		}
		return list
	}
	var value any
	if n.ShortTag() == "!!timestamp" || n.Decode(&value) != nil {
		return n.Value
	}
	return value
}
