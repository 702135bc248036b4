// SPDX-License-Identifier: Apache-2.0

// Package binary tests what the binary is made of: it is built as a user would, by make.
package binary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// The binary of this machine's kind, but for Linux, and the source that it is built from.
var binary, repository string

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return run(ctx, m) })
}

func run(_ context.Context, m *testing.M) (code int, err error) {
	if repository, err = gobuild.RepositoryDir(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "binary")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if binary, err = build(filepath.Join(dir, "source")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// build copies the source to dir, runs make build there, with further environment, and
// returns where the binary is.
func build(dir string, env ...string) (string, error) {
	if err := copySource(dir); err != nil {
		return "", err
	}
	// Without a repository git would look for one in the directories above.
	cmd := exec.Command("make", "--no-print-directory", "build", "REVISION=test")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOOS=linux", "MAKEFLAGS="), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, output)
	}
	return filepath.Join(dir, "bin", "caseharden"), nil
}

// copySource copies what make build needs.
func copySource(dir string) error {
	for _, name := range []string{"Makefile", "go.mod", "go.sum", "certs", "defaults", "evidence", "internal", "mutate", "policy", "preview", "status", "trial", "deploy/chart"} {
		from, to := filepath.Join(repository, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			err = copyFile(from, to)
		}
		if err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(repository, "*.go"))
	if err != nil {
		return err
	}
	for _, from := range files {
		if err := copyFile(from, filepath.Join(dir, filepath.Base(from))); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// The same source makes the same binary, wherever it is and whatever is in the environment:
// also where all of it is compiled again, which takes a minute.
func TestReproducible(t *testing.T) {
	again, err := build(filepath.Join(t.TempDir(), "elsewhere"), "GOCACHE="+t.TempDir(),
		"GOFLAGS=-gcflags=-N", "GOAMD64=v2", "GOARM64=v8.1", "GOEXPERIMENT=jsonv2", "CGO_ENABLED=1", "GOFIPS140=latest", "VERSION=9.9.9")
	if err != nil {
		t.Fatal(err)
	}
	if one, two := sum(t, binary), sum(t, again); one != two {
		t.Errorf("two builds of the same source: SHA-256 %s and %s", one, two)
	}
}

func sum(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// No library is loaded when it starts, and so no loader either.
func TestStatic(t *testing.T) {
	executable, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer executable.Close()
	for _, segment := range executable.Progs {
		if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
			t.Errorf("linked dynamically: it has a %v", segment.Type)
		}
	}
}

// What is linked is listed, with its terms, and nothing else is. A reviewer sees there
// what a change brings along.
func TestLinksWhatIsListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "THIRD_PARTY_LICENSES"))
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "\n===")
	var listed []string
	for line := range strings.Lines(table) {
		// A path, a version, and terms. Go itself has no version, the heading no columns.
		if columns := strings.Fields(line); len(columns) > 2 && strings.HasPrefix(columns[1], "v") {
			listed = append(listed, columns[0]+" "+columns[1])
		}
	}
	if diff := cmp.Diff(listed, linked(t)); diff != "" {
		t.Errorf("what is linked, and THIRD_PARTY_LICENSES (-listed +linked): run make update, and look at what is new\n%s", diff)
	}
}

// linked returns the modules in the binary: "path version" each.
func linked(t *testing.T) []string {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range info.Deps {
		if m.Replace != nil {
			t.Errorf("%s is replaced by %s", m.Path, m.Replace.Path)
		}
		all = append(all, m.Path+" "+m.Version)
	}
	if len(all) == 0 {
		t.Fatal("the binary does not say what is in it")
	}
	return all
}

// Packages that open a door by being linked: handlers that register themselves, and code
// that is loaded later. Which modules there must not be, imports_test.go says.
func TestLinksNothingElse(t *testing.T) {
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	// The names of functions stay in a stripped binary: stack traces need them.
	for _, name := range []string{"net/http/pprof.", "plugin.Open"} {
		if bytes.Contains(content, []byte(name)) {
			t.Errorf("the binary has code of %s", name)
		}
	}
	if !bytes.Contains(content, []byte("github.com/caseharden/caseharden/internal/server.(*Handler)")) {
		t.Error("the names of functions are not to be found in the binary: nothing was looked for")
	}
}
