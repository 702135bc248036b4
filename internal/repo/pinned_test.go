// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"encoding/json"
	goversion "go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whatever is fetched to build or to test is of one version, and modules are of one
// checksum: what a build takes changes with the source alone. What distributions and
// registries keep, and docs/decisions/0014-supply-chain.md names, is not pinned here.
func TestPinned(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`^v?\d+\.\d+\.\d+$`)
	// A command of a module: go run path@version. Its variables are in the Makefile too.
	command := regexp.MustCompile(`[\w./-]+\.\w+/[\w./-]+@([\w.$()-]+)`)
	commands := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry.Name() == ".git" || entry.Name() == "bin" {
				return fs.SkipDir
			}
			return err
		}
		switch name := entry.Name(); {
		case name == "go.mod":
			checkModule(t, path)
		case name == "Makefile" || name == "Dockerfile" || strings.HasSuffix(name, ".sh") || filepath.Dir(path) == ".ci":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range command.FindAllStringSubmatch(string(text), -1) {
				commands++
				if !exact.MatchString(match[1]) {
					t.Errorf("%s: %s is not of one version", path, match[0])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if commands == 0 {
		t.Error("no command of a module was found: nothing was looked at")
	}
}

// checkModule looks at a go.mod, and for the go.sum beside it.
func checkModule(t *testing.T, path string) {
	t.Helper()
	output, err := exec.Command("go", "mod", "edit", "-json", path).Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %s", path, err)
	}
	var m struct {
		Go        string
		Toolchain string
		Replace   []struct {
			New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(output, &m); err != nil {
		t.Fatal(err)
	}
	if m.Toolchain != "" {
		t.Errorf("%s: toolchain %s: the line go is enough, and is all that the Dockerfile's version is compared with", path, m.Toolchain)
	}
	for _, r := range m.Replace {
		if path == "go.mod" {
			t.Errorf("%s: a replace, which nobody sees who gets the module", path)
		}
		if r.New.Version == "" {
			t.Errorf("%s: %s comes from a directory, without a checksum", path, r.New.Path)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "go.sum")); err != nil {
		t.Errorf("%s: without checksums: %s", path, err)
	}
}

// The image is compiled by one version of Go, which go.mod takes.
func TestGoOfTheImageIsPinned(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`(?m)^ARG GO_IMAGE=\S+/golang:(\d+\.\d+\.\d+)$`).FindSubmatch(dockerfile)
	required := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(module)
	if image == nil || required == nil {
		t.Fatalf("the Dockerfile must have a GO_IMAGE of one version, and go.mod a line go: found %q and %q", image, required)
	}
	if i, r := "go"+string(image[1]), "go"+string(required[1]); goversion.Compare(i, r) < 0 || goversion.Lang(i) != goversion.Lang(r) {
		t.Errorf("the image is compiled by %s, and go.mod is for %s", i, r)
	}
}
