// SPDX-License-Identifier: Apache-2.0

package render

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // its source has the schema of SARIF
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
)

// The JSON report is as its published schema says, with no field beside it.
func TestJSONFollowsItsSchema(t *testing.T) {
	schema := compiled(t, "docs", readJSON(t, "../../docs/schemas/preview-v1alpha1.schema.json"), true)
	for name, r := range reportsOfAllKinds(t) {
		validate(t, name, schema, written(t, r, "json"))
	}
	if schema.Validate(decodedJSON(t, strings.Replace(written(t, everyFinding(), "json"), `"verdict": "breaks"`, `"verdict": "broken"`, 1))) == nil {
		t.Error("the schema takes any verdict")
	}
}

// SARIF is as the schema of OASIS says.
func TestSARIFFollowsItsSchema(t *testing.T) {
	schema := compiled(t, "sarif", decodedJSON(t, officialSARIFSchema(t)), false)
	for name, r := range reportsOfAllKinds(t) {
		validate(t, name, schema, written(t, r, "sarif"))
	}
	if schema.Validate(decodedJSON(t, strings.Replace(written(t, everyFinding(), "sarif"), `"level": "error"`, `"level": "fatal"`, 1))) == nil {
		t.Error("the schema takes any level")
	}
}

// reportsOfAllKinds are the golden files, every verdict, and what is broken, empty or hostile.
func reportsOfAllKinds(t *testing.T) map[string]*preview.Report {
	hardened := profiletest.Builtin(t, "hardened")
	return map[string]*preview.Report{
		"golden":     goldenReport(t, hardened, preview.Options{Locate: true}),
		"restricted": goldenReport(t, profiletest.Builtin(t, "restricted"), preview.Options{Locate: true, MinSeverity: "high"}),
		"nothing":    preview.New(hardened, nil, preview.Options{}),
		"hostile":    hostileReport(t),
		"verdicts":   everyFinding(),
	}
}

func compiled(t *testing.T, name string, document any, strict bool) *jsonschema.Schema {
	t.Helper()
	if strict {
		for _, d := range document.(map[string]any)["$defs"].(map[string]any) {
			d.(map[string]any)["additionalProperties"] = false
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("test:"+name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("test:" + name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, name string, schema *jsonschema.Schema, text string) {
	t.Helper()
	if err := schema.Validate(decodedJSON(t, text)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func readJSON(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return decodedJSON(t, string(data))
}

func decodedJSON(t *testing.T, text string) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// officialSARIFSchema is the schema of OASIS, which a Go module carries as a constant.
func officialSARIFSchema(t *testing.T) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "pkg", "report", "v210", "sarif", "schema.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	schema := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING && len(literal.Value) > len(schema) {
			schema = literal.Value
		}
		return true
	})
	text, err := strconv.Unquote(schema)
	if err != nil || !strings.Contains(text, "SARIF") {
		t.Fatalf("no schema in %s: %v", path, err)
	}
	return text
}
