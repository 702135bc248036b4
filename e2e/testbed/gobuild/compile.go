// SPDX-License-Identifier: Apache-2.0

// Package gobuild compiles programs of Go modules for tests, once for all of them, and
// shows the progress.
package gobuild

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// quotedLines of what the compiler says tell why a build fails.
const quotedLines = 20

// A Program is something for Compile.
type Program struct {
	Name string   // what the progress calls it
	Dir  string   // where go build runs
	Args []string // of go build: flags, then packages
	Out  string   // the file, or a directory if it ends in a slash
}

// Compile runs go build and reports the progress to w: in place on a terminal,
// a line each few seconds otherwise, nothing if it is done before. Several
// processes may compile the same program at the same time: one does and the
// others wait, and a file that is up to date is not touched. The directory of
// Out is made and gets a file .lock.
func Compile(ctx context.Context, w io.Writer, prog Program) error {
	err := compile(ctx, w, prog)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = errors.New("interrupted") // what go and its compilers say of that is no help
	}
	if err != nil {
		return fmt.Errorf("build of %s: %w", prog.Name, err)
	}
	return nil
}

func compile(ctx context.Context, w io.Writer, prog Program) error {
	dir := filepath.Dir(prog.Out)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := startProgress(w, "building "+prog.Name)
	defer p.end()

	p.set("waiting for another build to end")
	unlock, err := lock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()

	p.set("looking up what to compile")
	stale, err := staleIn(ctx, p, prog)
	if err != nil {
		return err
	}
	// Interrupted, go leaves its directory behind.
	temp, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "gobuild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	compiled := 0
	report := func() {
		if compiled < len(stale) {
			p.set("%d of %d packages compiled", compiled, len(stale))
		} else {
			p.set("linking")
		}
	}
	report()
	args := append([]string{"build", "-v", "-o", prog.Out}, prog.Args...)
	_, err = runGo(ctx, prog.Dir, []string{"GOTMPDIR=" + temp}, args, func(line string) bool {
		if !stale[line] {
			return false
		}
		compiled++
		report()
		return true
	})
	return err
}

// staleIn returns the packages that go build -v will name, as it compiles them.
func staleIn(ctx context.Context, p *progress, prog Program) (map[string]bool, error) {
	// A program of which only the linking is left to do is stale as well.
	const format = `{{if and .Stale (ne .StaleReason "not installed but available in build cache")}}{{.ImportPath}}{{end}}`
	args := append([]string{"list", "-deps", "-f", format}, prog.Args...)
	downloads := 0
	out, err := runGo(ctx, prog.Dir, nil, args, func(line string) bool {
		if !strings.HasPrefix(line, "go: downloading ") {
			return false
		}
		downloads++
		p.set("%d modules downloaded", downloads)
		return true
	})
	if err != nil {
		return nil, err
	}
	stale := map[string]bool{}
	for path := range strings.FieldsSeq(out) {
		stale[path] = true
	}
	return stale, nil
}

// Output runs a go command that needs no progress, and returns what it prints.
func Output(ctx context.Context, dir string, args ...string) (string, error) {
	return runGo(ctx, dir, nil, args, func(string) bool { return false })
}

// runGo runs the go command in dir, with env on top of the environment of this process,
// and returns its standard output. Each line of its standard error goes to note; those for
// which it returns false are in the error, if the command fails.
func runGo(ctx context.Context, dir string, env, args []string, note func(line string) bool) (string, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("the Go toolchain is needed: %w", err)
	}
	cmd := exec.CommandContext(ctx, goTool, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	// Interrupted, go ends its compilers too; killed, it would leave them.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var messages []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if line := lines.Text(); !note(line) {
			messages = append(messages, line)
		}
	}
	// A line too long for the Scanner ends it early: go must still not block.
	_, _ = io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); err != nil {
		messages = messages[max(0, len(messages)-quotedLines):]
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.Join(messages, "\n"))
	}
	return stdout.String(), nil
}
