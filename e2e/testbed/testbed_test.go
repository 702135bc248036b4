// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// No file of the test bed names the product, but in the import paths of the test bed, and no
// package imports one that knows it.
func TestNamesNoProduct(t *testing.T) {
	type here struct{}
	bed := reflect.TypeFor[here]().PkgPath()
	repository := path.Dir(path.Dir(bed))
	product := path.Base(repository)
	files := 0
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(data), "\n") {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(line, bed, "")), product) {
				t.Errorf("%s:%d: names %s: %s", file, n+1, product, strings.TrimSpace(line))
			}
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasPrefix(imported, repository+"/") && !strings.HasPrefix(imported, bed+"/") {
				t.Errorf("%s: imports %s, which is not part of the test bed", file, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("%d files were read", files)
	}
}
