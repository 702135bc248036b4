// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The programs themselves say what a command line runs: chown, here a script that leaves
// a mark. A machine that lacks a program has no say about it.
func TestProgramsAgreeWithWhatRuns(t *testing.T) {
	for _, line := range [][]string{
		{"sh", "-c", "chown"},
		{"sh", "-ec", "chown"},
		{"sh", "-ce", "chown"},
		{"sh", "-c", "--", "chown"},
		{"sh", "-c", "-e", "chown"},
		{"sh", "-c", "true", "chown"},
		{"sh", "-c", "echo '; chown'"},
		{"sh", "-c", "f() { chown; }; f"},
		{"sh", "-c", "chown() { true; }; chown"},
		{"sh", "-c", "chown() { true; }; command chown"},
		{"sh", "-c", "command -v chown"},
		{"sh", "-c", "case x in chown) true;; *) chown;; esac"},
		{"sh", "-c", "eval 'chown' 1"},
		{"sh", "-c", "trap 'chown' EXIT"},
		{"sh", "-c", "sh -c \"$(cat <<EOF\nchown 1\nEOF\n)\""},
		{"sh", "-c", "sh <<EOF\nchown\nEOF"},
		{"sh", "-c", "cat <<EOF\nchown\n$(chown)\nEOF"},
		{"sh", "-c", "cat <<'EOF'\nchown\n$(chown)\nEOF"},
		{"sh", "-c", "echo chown | sh"},
		{"sh", "-c", "echo chown | sh -s 1"},
		{"sh", "-c", "chown\n)"},
		{"bash", "-euxo", "pipefail", "-c", "chown"},
		{"bash", "-ceuo", "pipefail", "chown"},
		{"bash", "--norc", "--rcfile", "/dev/null", "+e", "-c", "chown"},
		{"bash", "--noprofile", "--login", "-c", "chown"},
		{"bash", "-c", "bash <<< chown"},
		{"env", "-i", "true", "chown"},
		{"env", "-u", "A", "B=1", "chown", "1"},
		{"env", "--unset=A", "--chdir", "/", "--", "chown"},
		{"env", "-S", "chown 1"},
		{"timeout", "-k", "5", "--signal=9", "10s", "chown"},
		{"nice", "-n", "1", "chown"},
		{"nice", "-1", "chown"},
		{"ionice", "-c2", "-n", "7", "chown"},
		{"nohup", "chown"},
		{"setsid", "-w", "chown"},
		{"stdbuf", "-oL", "-e", "0", "chown"},
		{"taskset", "1", "chown"},
		{"flock", "/dev/null", "chown"},
		{"flock", "/dev/null", "-c", "chown"},
		{"sh", "-c", "echo x | xargs -r -n 1 -P 2 -I {} chown {}"},
		{"sh", "-c", "echo x | xargs --max-args=1 sh -c 'chown $1' _"},
		{"find", "/dev/null", "-exec", "chown", "{}", "+"},
		{"find", "/dev/null", "-exec", "true", ";", "-execdir", "sh", "-c", "chown", ";"},
		{"find", "/dev/null", "-exec", "true", "{}", ";", "-name", "chown"},
	} {
		if _, err := exec.LookPath(line[0]); err != nil {
			continue
		}
		listed := slices.ContainsFunc(Programs(line, true), func(p Program) bool { return p.Name == "chown" })
		if ran := runsChown(t, line); ran != listed {
			t.Errorf("%q: chown is listed: %t; it runs: %t", line, listed, ran)
		}
	}
}

// runsChown runs a command line, and reports whether it runs chown.
func runsChown(t *testing.T, line []string) bool {
	directory := t.TempDir()
	mark := filepath.Join(directory, "mark")
	script := "#!/bin/sh\n: >" + mark + "\n"
	if err := os.WriteFile(filepath.Join(directory, "chown"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	path := directory + string(filepath.ListSeparator)
	var safe []string // find -execdir wants no relative directories
	for _, d := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(d) {
			safe = append(safe, d)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	command.Dir = directory
	command.Env = append(os.Environ(), "PATH="+path+strings.Join(safe, string(filepath.ListSeparator)))
	_ = command.Run() // some of the scripts end with an error
	_, err := os.Stat(mark)
	return err == nil
}
