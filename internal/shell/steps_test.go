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

	"github.com/google/go-cmp/cmp"
)

// shown writes steps as a line: what is for root only, or may not be run, is marked.
func shown(steps []Step) string {
	var words []string
	for _, s := range steps {
		word := strings.Join(s.Words, ",")
		for mark, is := range map[string]bool{"root:": s.When.Root, "other:": s.When.NotRoot} {
			if is {
				word = mark + word
			}
		}
		if s.When.Maybe {
			word = "maybe:" + word
		}
		if s.Exec {
			word = "exec:" + word
		}
		if !s.Ignored {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// files are those that there are: /there.
func files(operator, path string) (holds, known bool) { return path == "/there", operator == "-e" }

func TestSteps(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{ // as root before |, and as another user after it
		{"in order", "a 1; b", "a,1 b"},
		{"set -e", "a; set -e; b; set +e; c", "a b! c"},
		{"#! -e", "#!/bin/sh -e\na", "a!"},
		{"failures that a condition takes", "set -e; a || b; c && d; ! e; if f; then :; fi", "a maybe:b! c maybe:d! e f maybe::!"},
		{"root alone", `if [ "$(id -u)" = 0 ]; then a; else b; fi; c`, "root:a c|other:b c"},
		{"not root", `[ "$(id -u)" != '0' ] && a`, "|other:a"},
		{"-ne and exit", "[ `id -u` -ne 0 ] && exit 1; a", "a|other:exit,1"},
		{"EUID", "if (( EUID == 0 )); then a; fi; [[ $UID -eq 0 ]] || b", "root:a|other:b"},
		{"whoami", `if [ "$(whoami)" = root ]; then a; fi`, "root:a|"},
		{"a variable", `user="$(id -u)"; if [ "$user" = 0 ]; then a; fi`, "root:a|"},
		{"a case", `case "$(id -u)" in 0) a;; *) b;; esac`, "root:a|other:b"},
		{"and something else", `if [ "$1" = server -a "$(id -u)" = 0 ]; then a; fi; [ -f x ] && [ "$(id -u)" = 0 ] && b`, "root:a maybe:root:b|"},
		{"or something else", `if [ -f x ] || [ "$(id -u)" = 0 ]; then a; fi`, "maybe:a|maybe:a"},
		{"after exec", `if [ "$(id -u)" = 0 ]; then exec gosu u "$0" "$@"; fi; exec "$@"`, "exec:root:gosu,u,/x.sh,server,-x|exec:server,-x"},
		{"nothing after exec", "exec a; b", "exec:a"},
		{"the script itself", `exec "$BASH_SOURCE" "${BASH_SOURCE[0]}" "$0"`, "exec:/x.sh,/x.sh,/x.sh"},
		{"exec of descriptors", "exec 3>/dev/null; a", "a"},
		{"known arguments", `if [ "${1#-}" != "$1" ]; then set -- srv "$@"; fi; if [ "$1" = server ]; then a; fi; exec "$@"`, "a exec:server,-x"},
		{"a part of an argument", `if [ "${1:0:1}" = - ]; then a; fi; exec "$1"`, "exec:server"},
		{"shift", `shift; exec a "$@"`, "exec:a,-x"},
		{"unknown arguments", `if [ -f x ]; then set -- y; fi; exec "$@"`, "exec:$_"},
		{"a default", `exec "${SERVER:-/bin/server}" "${HOME}"`, "exec:/bin/server,/root"},
		{"a variable of a branch", `X=1; if [ -f x ]; then X=2; fi; a "$X"`, "a,$_"},
		{"a variable of both branches", `if [ -f x ]; then X=2; a $X; else X=2; fi; b "$X"`, "maybe:a,2 b,2"},
		{"a function", "f() { a \"$1\"; }; f 1; f 2", "a,1 a,2"},
		{"return of a function", "f() { return 0; a; }; f; b", "return,0 b"},
		{"exit in a function", "f() { exit 0; a; }; f; b", "exit,0"},
		{"a function that calls itself", "f() { a; f; }; f", strings.TrimSpace(strings.Repeat("a ", maxDepth)) + " f"},
		{"a loop", "for x in 1 2; do a $x; done; b", "maybe:a,$_ b"},
		{"a pipe", "set -e; a | b; c", "a b! c!"},
		{"the background", "set -e; a & b", "a b!"},
		{"a subshell", "(exec a); b", "exec:a b"},
		{"an end in a subshell", `set -e; ( [ "$(id -u)" = 0 ] || exit 1 ) || a; exec b`, "maybe:a! exec:b!|other:exit,1 maybe:a! exec:b!"},
		{"variables of a subshell", "X=1; (X=2; a $X); b $X; { X=3; a $X; } & b $X; X=$(X=4; a $X); b $X", "a,2 b,1 a,3 b,1 a,4 b,$_"},
		{"options of a subshell", "set -e; (set +e; a); b; (set -e; c) & d", "a b! c d!"},
		{"variables of a pipe", "X=1; Y=1; X=2 | a; b $X; a | { Y=2; b $Y; }; c $Y", "a b,1 a b,2 c,$_"},
		{"the end of a pipe and of a job", "a | exec b; { exec c; } & exec d & e", "a exec:b exec:c exec:d e"},
		{"return in a subshell of a function", "f() { (return 1); a; exit; }; f; b", "return,1 a exit"},
		{"names of options", "set -o errexit; a; set +o errexit; b; set -euo pipefail; c; set +o pipefail; d; set +eo pipefail; a", "a! b c! d! a"},
		{"options of a branch", "set -e; if [ -f x ]; then set +e; fi; a; if [ -f x ]; then set -e; fi; b", "a b"},
		{"an option that only a run could tell", "set -e; set $X; a; exec $1", "a exec:$_"},
		{"arguments without --", "set -e a 1; \"$@\"; set b; \"$@\"", "a,1! b!"},
		{"a variable that is read", "X=1; read X; a $X", "read,X a,$_"},
		{"a file that is there", `if [ -e /there ]; then a; else b; fi; [ ! -e /there ] || c`, "a c"},
		{"a file that is not", `[[ -e /gone ]] && a; if [ -r /gone ]; then b; fi`, "maybe:b"},
		{"a command substitution", `set -e; a "$(b)"; X=$(c | d)`, "b a,$_! c d"},
		{"a syntax error", "a; b; )", "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asRoot, asOther, differ := strings.Cut(c.want, "|")
			if !differ {
				asOther = asRoot
			}
			for root, want := range map[bool]string{true: asRoot, false: asOther} {
				var steps []Step
				for _, s := range Steps(c.script, Run{Name: "/x.sh", Args: []string{"server", "-x"}, Env: map[string]string{"HOME": "/root"}, Root: root, Test: files}) {
					if s.Words[0] != "[" {
						steps = append(steps, s)
					}
				}
				if diff := cmp.Diff(want, shown(steps)); diff != "" {
					t.Errorf("root %t (-want +got):\n%s", root, diff)
				}
			}
		})
	}
}

// A variable that is not known may be set where a ConfigMap gives others.
func TestStepsOpenEnv(t *testing.T) {
	for open, want := range map[bool]string{false: "a", true: Anything} {
		if got := Steps(`exec "${X:-a}" "${1:-b}"`, Run{OpenEnv: open})[0].Words; got[0] != want {
			t.Errorf("with other variables %t: %q", open, got)
		}
	}
}

func TestStepsWrite(t *testing.T) {
	steps := Steps("a > /run/x 2>&1; b >> $Y; > /run/z; c > /dev/null", Run{})
	var got [][]string
	for _, s := range steps {
		got = append(got, s.Writes)
	}
	if diff := cmp.Diff([][]string{{"/run/x"}, nil, {"/run/z"}, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The shells of the machine say what root and another user would run. A step that may not
// be run is not asked about.
func TestStepsAgreeWithShells(t *testing.T) {
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	stub := "#!/bin/sh\necho \"${0##*/}\" \"$@\" >> " + log + "\n"
	for name, script := range map[string]string{
		"a": stub, "b": stub, "c": stub, "gosu": stub, "server": stub,
		"id": "#!/bin/sh\necho $TEST_UID\n", "whoami": "#!/bin/sh\n[ $TEST_UID = 0 ] && echo root || echo app\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range []string{
		`if [ "$(id -u)" = 0 ]; then a; exec gosu u "$@"; fi; b; exec "$@"`,
		`[ "$(id -u)" != 0 ] || a; b`,
		`[ "$(id -u)" -ne 0 ] && exit 1; a`,
		`u="$(id -u)"; f() { if [ "$u" = 0 ]; then a; return; fi; b; }; f; c`,
		`case "$(id -u)" in 0) a;; 1000) b;; esac; c`,
		`case "$1" in -*) set -- server "$@";; esac; exec "$@"`,
		`case "$1" in server) a;; *) b;; esac; case "$2" in serv*) a;; esac`,
		`if [ "${1#-}" != "$1" ]; then set -- a "$@"; fi; if [ "$1" = server ] && [ "$(id -u)" = 0 ]; then shift; set -- gosu u server "$@"; fi; exec "$@"`,
		`if [ "$(whoami)" = root ]; then a; elif [ "$1" = server ]; then b; else c; fi`,
		`X=; if [ -z "$X" ]; then X=server; fi; "$X" 1; ${Y:-a} 2`,
		`f() { a "$1"; [ "$1" = 1 ] && exit 0; b; }; f 2; f 1; c`,
		`set -- a 1; "$@"; set -- "$@" 2; "$@"`,
		`true && a || b`,
		`false && a || b`,
		`if ! [ "$(id -u)" = 0 ]; then a; else b; fi`,
		`test "$(id -u)" = 0 && { a; b; }; c`,
		`set -e; ( [ "$(id -u)" = 0 ] || exit 1 ) || a; exec b`,
		`X=1; (X=2; a $X; exit 1; b); b $X; { exec a; b; } & wait; c $X`,
		`X=1; Y=$(X=2; set -- 1; a $X; exit 3); b $X $1; a | (exit 1); c`,
		`set -e a 1; "$@"; set b; "$@"`,
		`f() { (return 1); a; exit; }; f; b`,
	} {
		for _, shell := range []string{"sh", "bash"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue
			}
			for _, uid := range []string{"0", "1000"} {
				if err := os.WriteFile(log, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				run := exec.CommandContext(ctx, shell, "-c", script, "sh", "server", "-x")
				run.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "TEST_UID=" + uid}
				_ = run.Run() // how it ends does not matter
				cancel()
				logged, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for line := range strings.Lines(string(logged)) {
					want = append(want, strings.TrimSpace(line))
				}
				var got []string
				for _, s := range Steps(script, Run{Args: []string{"server", "-x"}, Root: uid == "0"}) {
					if !slices.Contains([]string{"a", "b", "c", "gosu", "server"}, s.Words[0]) {
						continue
					}
					if s.When.Maybe && !slices.Contains(want, strings.Join(s.Words, " ")) {
						continue
					}
					got = append(got, strings.Join(s.Words, " "))
					if s.Exec && len(s.Shell) == 0 {
						break
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s as %s: %s\n(-ran +steps):\n%s", shell, uid, script, diff)
				}
			}
		}
	}
}

// A shell goes on after a failure if the step is one that is ignored.
func TestOptionsAgreeWithShells(t *testing.T) {
	for _, shell := range []string{"sh", "bash"} {
		for _, options := range []string{
			"set -e", "set -e; set +e", "set -o errexit", "set -e; set +o errexit", "set -eu", "set -euo noglob", "set +e -e",
			"set -eo noglob; set +o noglob", "set -e; set +o noglob", "set -e; (set +e)", "set -e; set +eu", "set -e; X=$(set +e)", "set -e a +e", "set -e; set -- +e",
			"f() { set -e; }; f", "set -e; { set +e; }", "set +e; true | set -e",
		} {
			script := options + "; false; echo on"
			out, _ := exec.CommandContext(t.Context(), shell, "-c", script).Output() // how it ends does not matter
			steps := Steps(script, Run{})
			if failing := steps[len(steps)-2]; failing.Words[0] != "false" || failing.Ignored != (string(out) == "on\n") {
				t.Errorf("%s: %s: %v is ignored: %t; it prints %q", shell, options, failing.Words, failing.Ignored, out)
			}
		}
	}
}

// Values that double without end, chains of conditions and long functions are given up. The
// last step says that more may follow.
func TestStepsEnd(t *testing.T) {
	for name, script := range greedy {
		t.Run(name, func(t *testing.T) {
			start, steps := time.Now(), Steps(script, Run{Args: []string{"a", "b"}})
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, s := range steps {
				if size := len(strings.Join(s.Words, "")); len(s.Words) > maxWords || size > 2*maxScript {
					t.Fatalf("a step has %d words of %d bytes", len(s.Words), size)
				}
			}
			if name == "a value" {
				return // it is not known, and the rest is
			}
			if last := steps[len(steps)-1]; last.Words[0] != Anything || !last.When.Maybe || !last.Exec {
				t.Errorf("it ends with %v", last.Words)
			}
		})
	}
}

var greedy = map[string]string{
	"a value":             "a=xx; " + strings.Repeat("a=$a$a; ", 40) + "b $a",
	"values":              "a=" + strings.Repeat("x", 1<<10) + "; " + strings.Repeat("a=$a.; b $a; ", 1<<12),
	"arguments":           strings.Repeat(`set -- "$@" "$@"; `, 40) + `"$@"`,
	"commands":            strings.Repeat(`set -- "$@" "$@"; `, 10) + strings.Repeat(`a "$@"; `, 1<<13),
	"a chain":             strings.Repeat("a||", 40_000) + "b",
	"a long function":     "f() { a '" + strings.Repeat("x", 90_000) + "'; }\n" + strings.Repeat("f;", 10_000),
	"branches":            strings.Repeat("x=1;", 10) + strings.Repeat("if a; then b; fi;", 5000),
	"conditions in words": strings.Repeat(`[ "$( `, 1000) + "a" + strings.Repeat(` )" = x ] && b`, 1000),
}

func FuzzSteps(f *testing.F) {
	f.Add("f() { f; f; }; f")
	f.Add(`case "$(id -u)" in 0) set -- a "$@";; esac; for x in *; do exec $x; done`)
	for _, script := range greedy {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if steps := Steps(script, Run{Args: []string{"a"}}); len(steps) > maxSteps+1 {
			t.Errorf("%d steps", len(steps))
		}
	})
}
