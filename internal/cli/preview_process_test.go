// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The first SIGINT or SIGTERM ends a preview, also one that waits for its input.
func TestSignalEndsPreview(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-f", "-"}, {"-f", pipe}, {"-f", "-", "--images"}, {"-f", pipe, "--images"}} {
		name := args[1]
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			command := exec.Command("caseharden", append([]string{"preview"}, args...)...)
			stdin, err := command.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			// A write of more than the buffer of a pipe ends when the preview reads.
			input := io.Writer(stdin)
			if name == pipe {
				f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				input = f
			}
			if _, err := input.Write(bytes.Repeat([]byte("#\n"), 1<<20)); err != nil {
				t.Fatal(err)
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			select {
			case err := <-ended:
				exit, ok := errors.AsType[*exec.ExitError](err)
				if status, _ := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != signal {
					t.Errorf("preview %q after %s: %v", args, signal, err)
				}
			case <-time.After(20 * time.Second):
				command.Process.Kill()
				t.Errorf("preview %q goes on after %s", args, signal)
			}
		}
	}
}

// A directory of a stranger's can neither hang a preview nor make it print what is
// elsewhere on the machine.
func TestHostileDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for link, target := range map[string]string{"app.json": "/proc/self/environ", "config.yaml": "/etc/passwd", "zero.yaml": "/dev/zero"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600),
		os.MkdirAll(filepath.Join(dir, "sub", ".secret"), 0o700),
		os.WriteFile(filepath.Join(dir, "sub", ".secret", "k.yaml"), []byte("apiVersion: v1\nkind: Secret\nstringData: {token: hunter2}\n"), 0o600),
		os.Symlink("sub/.secret/k.yaml", filepath.Join(dir, "hidden.yaml")),
		os.WriteFile(filepath.Join(dir, "values.yaml"), []byte("token: hunter2\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "broken.yaml"), []byte("DEPLOY_TOKEN=hunter2\na: b: c\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "pod.yaml"), []byte("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: i}]}\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"table", "diff", "yaml", "json", "html"} {
		var stdout, stderr bytes.Buffer
		command := exec.CommandContext(t.Context(), "caseharden", "preview", "-f", dir, "-o", output)
		command.Env = append(os.Environ(), "DEPLOY_TOKEN=hunter2")
		command.Stdout, command.Stderr = &stdout, &stderr
		timer := time.AfterFunc(20*time.Second, func() { command.Process.Kill() })
		err := command.Run()
		timer.Stop()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || bytes.Count(stderr.Bytes(), []byte("\n")) != 6 {
			t.Errorf("-o %s: %v\n%s", output, err, stderr.String())
		}
		for _, secret := range []string{"hunter2", "root:"} {
			if bytes.Contains(stdout.Bytes(), []byte(secret)) || bytes.Contains(stderr.Bytes(), []byte(secret)) {
				t.Errorf("-o %s prints what is no manifest:\n%s%s", output, stdout.String(), stderr.String())
			}
		}
		if (output == "yaml") != bytes.HasPrefix(stdout.Bytes(), []byte("apiVersion: v1\nkind: Pod\n")) {
			t.Errorf("-o %s:\n%s", output, stdout.String())
		}
	}
}

// All outputs of one input say the same on standard error, and end with the same code,
// also where only the edits of a manifest fail.
func TestOutputsAgree(t *testing.T) {
	t.Parallel()
	const shared = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - &c {name: a, image: i}\n  - *c\n"
	for name, text := range map[string]string{
		"nothing is wrong":     "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: i}]}\n",
		"an edit is refused":   shared,
		"a document is broken": shared + "---\na: b: c\n",
	} {
		var first string
		for _, output := range []string{"table", "diff", "yaml", "json", "html"} {
			command := exec.CommandContext(t.Context(), "caseharden", "preview", "-f", "-", "-o", output, "--exit-code")
			var stderr bytes.Buffer
			command.Stdin, command.Stderr = bytes.NewBufferString(text), &stderr
			err := command.Run()
			said := fmt.Sprintf("%v\n%s", err, stderr.String())
			if first == "" {
				first = said
			}
			if said != first {
				t.Errorf("%s: -o %s ends with %s\n-o table with %s", name, output, said, first)
			}
		}
	}
}
