// SPDX-License-Identifier: Apache-2.0

package doctest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Golden compares the sections want… of each file testdata/*.txtar with the sections that
// outputs returns for the file, or with -update writes them. Each file must have a comment
// that says what it is for.
func Golden(t *testing.T, outputs func(t *testing.T, file *txtar.Archive) map[string]string) {
	t.Helper()
	files := archives(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		archive := files[name]
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			if strings.TrimSpace(string(archive.Comment)) == "" {
				t.Error("there is no comment that says what the file is for")
			}
			got := outputs(t, archive)
			isWanted := func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want") }
			if *Update {
				archive.Files = slices.DeleteFunc(archive.Files, isWanted)
				for _, section := range slices.Sorted(maps.Keys(got)) {
					archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(got[section])})
				}
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := map[string]string{}
			for _, f := range archive.Files {
				if isWanted(f) {
					want[f.Name] = string(f.Data)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("run go test -run Golden -update here, and read what changes (-want +got):\n%s", diff)
			}
		})
	}
}

// Section returns a section of a golden file; "" if it has none of that name.
func Section(file *txtar.Archive, name string) string {
	for _, f := range file.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Seeds returns the sections with the prefix of all files testdata/*.txtar, as seeds for
// fuzzing.
func Seeds(t testing.TB, prefix string) (seeds [][]byte) {
	t.Helper()
	files := archives(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, f := range files[name].Files {
			if strings.HasPrefix(f.Name, prefix) {
				seeds = append(seeds, f.Data)
			}
		}
	}
	return seeds
}

// archives returns the files testdata/*.txtar by name.
func archives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	files := map[string]*txtar.Archive{}
	for _, name := range names {
		if files[name], err = txtar.ParseFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
