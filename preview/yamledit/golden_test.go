// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted sections of testdata/*.txtar")

// A golden file holds a comment, the additions (a pointer and a JSON value on a
// line), the input, and one of want and want.error.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string]string{}
			for _, f := range archive.Files {
				sections[f.Name] = string(f.Data)
			}
			if strings.TrimSpace(string(archive.Comment)) == "" {
				t.Error("there is no comment that says what the file is for")
			}
			additions := parseAdditions(t, sections["additions"])
			got := map[string]string{"additions": sections["additions"], "input": sections["input"]}
			out, err := Add([]byte(sections["input"]), additions)
			if err != nil {
				got["want.error"] = err.Error() + "\n"
			} else {
				got["want"] = string(out)
				checkTree(t, []byte(sections["input"]), out, additions)
			}
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want") })
				for _, name := range []string{"want", "want.error"} {
					if data, ok := got[name]; ok {
						archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(data)})
					}
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(sections, got); diff != "" {
				t.Errorf("sections (-want +got):\n%s", diff)
			}
		})
	}
}

func parseAdditions(t *testing.T, lines string) []Addition {
	t.Helper()
	var additions []Addition
	for line := range strings.Lines(lines) {
		pointer, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || !json.Valid([]byte(value)) {
			t.Fatalf("not an addition: %q", line)
		}
		additions = append(additions, Addition{pointer, json.RawMessage(value)})
	}
	return additions
}
