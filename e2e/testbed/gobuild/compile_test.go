// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// module writes a module of one program and returns it for Compile.
func module(t *testing.T, main string) Program {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.org/hello\n\ngo 1.26\n", "main.go": main} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Program{Name: "hello", Dir: dir, Args: []string{"."}, Out: filepath.Join(t.TempDir(), "bin", "hello")}
}

func TestCompile(t *testing.T) {
	prog := module(t, "package main\n\nfunc main() { print(\"hello\") }\n")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var progress bytes.Buffer
			if err := Compile(t.Context(), &progress, prog); err != nil {
				t.Error(err)
				return
			}
			out, err := exec.Command(prog.Out).CombinedOutput()
			if err != nil || string(out) != "hello" {
				t.Errorf("the program says %q, %v", out, err)
			}
		})
	}
	wg.Wait()

	before, err := os.Stat(prog.Out)
	if err != nil {
		t.Fatal(err)
	}
	if err := Compile(t.Context(), t.Output(), prog); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(prog.Out)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a program that was up to date was written again")
	}
}

func TestCompileQuotesCompiler(t *testing.T) {
	prog := module(t, "package main\n\nfunc main() { undeclared() }\n")
	err := Compile(t.Context(), t.Output(), prog)
	if err == nil {
		t.Fatal("compiled")
	}
	for _, want := range []string{"build of hello: go build: exit status 1", "main.go:3:15: undefined: undeclared"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

func TestCompileInterrupted(t *testing.T) {
	prog := module(t, "package main\n\nfunc main() {}\n")
	prog.Args = []string{"-a", "."} // the standard library too, which takes seconds
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if running, _ := filepath.Glob(filepath.Join(temp, "*", "go-build*", "*")); len(running) > 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if err := Compile(ctx, t.Output(), prog); err == nil || err.Error() != "build of hello: interrupted" {
		t.Errorf("interrupted: %v", err)
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("%s is left behind, and what is beside it", left[0].Name())
	}
}

func TestCompileWithoutGo(t *testing.T) {
	prog := module(t, "package main\n\nfunc main() {}\n")
	t.Setenv("PATH", t.TempDir())
	err := Compile(t.Context(), t.Output(), prog)
	if err == nil || !strings.Contains(err.Error(), "the Go toolchain is needed") {
		t.Errorf("without go: %v", err)
	}
}

func TestModuleDir(t *testing.T) {
	want, err := ModuleDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{want, filepath.Dir(want), filepath.Join(want, "testbed", "gobuild")} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Chdir(dir)
			if got, err := ModuleDir(); err != nil || got != want {
				t.Errorf("from %s: %q, %v, want %q", dir, got, err, want)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if got, err := ModuleDir(); err == nil {
			t.Errorf("outside the repository: %q, want an error", got)
		}
	})
}
