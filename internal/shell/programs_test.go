// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		name   string
		line   []string
		asArgs bool // they are arguments of the image's entrypoint
		want   string
	}{
		{"nothing", nil, false, ""},
		{"a program", []string{"/usr/bin/chown", "-R", "1000", "/data"}, false, "chown"},
		{"arguments for an entrypoint", []string{"chown", "x"}, true, "chown"},
		{"another program's -c", []string{"psql", "-c", "chown 1 x"}, false, "psql"},

		{"a script", []string{"/bin/sh", "-c", "mkdir x && chown 1 x; /sbin/su-exec 1 y || exit 1"}, false, "mkdir chown su-exec y exit"},
		{"-e -c", []string{"bash", "-e", "-c", "chown 1 x"}, false, "chown"},
		{"-ec", []string{"sh", "-ec", "chown 1 x"}, false, "chown"},
		{"-ce", []string{"sh", "-ce", "chown 1 x"}, false, "chown"},
		{"-exc", []string{"bash", "-exc", "chown 1 x"}, false, "chown"},
		{"-xc", []string{"bash", "-xc", "chown 1 x"}, false, "chown"},
		{"-c -e", []string{"sh", "-c", "-e", "chown 1 x"}, false, "chown"},
		{"-c --", []string{"/bin/sh", "-c", "--", "chown 1 x"}, false, "chown"},
		{"-euxo pipefail -c", []string{"bash", "-euxo", "pipefail", "-c", "chown 1 x"}, false, "chown"},
		{"-o pipefail -c", []string{"bash", "-o", "pipefail", "-c", "chown 1 x"}, false, "chown"},
		{"-ceuo pipefail", []string{"bash", "-ceuo", "pipefail", "chown 1 x"}, false, "chown"},
		{"+e -c", []string{"bash", "+e", "-c", "chown 1 x"}, false, "chown"},
		{"-l -c", []string{"bash", "-l", "-c", "chown 1 x"}, false, "chown"},
		{"--login -c", []string{"bash", "--login", "-c", "chown 1 x"}, false, "chown"},
		{"--rcfile FILE -c", []string{"bash", "--rcfile", "/x", "-c", "chown 1 x"}, false, "chown"},
		{"a file is no script", []string{"sh", "/chown.sh", "chown"}, false, ""},
		{"a file with options of its own", []string{"sh", "/x.sh", "-c", "chown"}, false, ""},
		{"what follows the script is an argument", []string{"sh", "-c", "a", "chown"}, false, "a"},
		{"no script after -c", []string{"sh", "-c"}, false, ""},
		{"no script after -c --", []string{"sh", "-c", "--"}, false, ""},
		{"arguments for a shell", []string{"-c", "chown 1 x"}, true, "chown"},
		{"arguments for a shell, -ec", []string{"-ec", "chown 1 x"}, true, "chown"},
		{"arguments for a shell, --login -euo pipefail -c --", []string{"--login", "-euo", "pipefail", "-c", "--", "chown 1 x"}, true, "chown"},
		{"arguments for another program", []string{"-config", "chown"}, true, "-config"},

		{"busybox", []string{"busybox", "chown", "1"}, false, "busybox chown"},
		{"busybox sh -c", []string{"/bin/busybox", "sh", "-ec", "chown 1 x"}, false, "busybox chown"},
		{"env", []string{"env"}, false, "env"},
		{"env -i A=1", []string{"/usr/bin/env", "-i", "A=1", "chown", "1"}, false, "env chown"},
		{"env - -u A", []string{"env", "-", "-u", "A", "chown", "1"}, false, "env chown"},
		{"env --unset=A --", []string{"env", "--unset=A", "--", "chown", "1"}, false, "env chown"},
		{"env -S", []string{"env", "-S", "chown -R 1 x"}, false, "env chown"},
		{"tini --", []string{"tini", "--", "sh", "-c", "chown 1 x"}, false, "tini chown"},
		{"tini -g -v -e 143 --", []string{"/sbin/tini", "-g", "-v", "-e", "143", "--", "sh", "-c", "chown 1 x"}, false, "tini chown"},
		{"tini without --", []string{"tini", "-s", "chown", "1"}, false, "tini chown"},
		{"dumb-init -v --", []string{"/usr/bin/dumb-init", "-v", "--", "chown", "1"}, false, "dumb-init chown"},
		{"dumb-init --rewrite 15:3", []string{"dumb-init", "--single-child", "--rewrite", "15:3", "chown", "1"}, false, "dumb-init chown"},
		{"timeout", []string{"timeout", "-k", "5", "--signal=9", "10s", "chown", "1"}, false, "timeout chown"},
		{"nice", []string{"nice", "-n", "10", "chown", "1"}, false, "nice chown"},
		{"nice -10", []string{"nice", "-10", "chown", "1"}, false, "nice chown"},
		{"ionice", []string{"ionice", "-c2", "-n", "7", "chown", "1"}, false, "ionice chown"},
		{"nohup, setsid", []string{"nohup", "setsid", "-w", "chown", "1"}, false, "nohup setsid chown"},
		{"stdbuf", []string{"stdbuf", "-oL", "-e", "0", "chown", "1"}, false, "stdbuf chown"},
		{"chroot", []string{"chroot", "--userspec=1", "/host", "chown", "1"}, false, "chroot chown"},
		{"chroot alone", []string{"chroot", "/host"}, false, "chroot"},
		{"su -c", []string{"su", "-s", "/bin/sh", "-c", "chown 1 x"}, false, "su chown"},
		{"su - user -c", []string{"su", "-", "postgres", "-c", "chown 1 x"}, false, "su chown"},
		{"sudo -u", []string{"sudo", "-E", "-u", "x", "A=1", "chown", "1"}, false, "sudo chown"},
		{"sudo -l", []string{"sudo", "-l", "chown"}, false, "sudo"},
		{"gosu", []string{"gosu", "postgres", "chown", "1"}, false, "gosu chown"},
		{"setpriv", []string{"setpriv", "--reuid", "1", "--clear-groups", "--regid=1", "chown", "1"}, false, "setpriv chown"},
		{"nsenter", []string{"nsenter", "-t", "1", "-m", "-u", "--", "chown", "1"}, false, "nsenter chown"},
		{"flock", []string{"flock", "-n", "/lock", "chown", "1"}, false, "flock chown"},
		{"flock -c", []string{"flock", "/lock", "-c", "chown 1 x"}, false, "flock chown"},
		{"xargs", []string{"xargs", "-0", "-r", "-n1", "-P", "4", "-I", "{}", "chown", "1", "{}"}, false, "xargs chown"},
		{"xargs with a shell", []string{"xargs", "--max-args=1", "sh", "-c", `chown 1 "$@"`, "_"}, false, "xargs chown"},
		{"find -exec", []string{"find", "/x", "-type", "d", "-exec", "chown", "1", "{}", "+", "-o", "-execdir", "sh", "-c", "chmod 1 $1", ";", "-name", "mount"}, false, "find chown chmod"},
		{"launchers in launchers", []string{"tini", "--", "env", "A=1", "timeout", "1m", "nice", "busybox", "sh", "-c", "exec chown 1"}, false,
			"tini env timeout nice busybox exec chown"},
		{"launchers without an end", slices.Repeat([]string{"env"}, 1000), false, strings.TrimSuffix(strings.Repeat("env ", maxDepth+1), " ")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names(Programs(c.line, !c.asArgs)); got != c.want {
				t.Errorf("programs are %q, want %q", got, c.want)
			}
		})
	}
}

func TestScriptPrograms(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"empty", "", ""},
		{"lines", "a 1\n\n  b 2\r\n", "a b"},
		{"operators", "a&&b||c|d&e;f", "a b c d e f"},
		{"a subshell", "(a; b) ; { c; }", "a b c"},
		{"a substitution", "x=$(a 1); echo `b` >$(c) \"$(d)\" ${x:-$(e)} <(f)", "a echo b d e f c"},
		{"if", "if a; then b; elif ! c; then d; else e; fi", "a b c d e"},
		{"a loop", "for f in chown apk $(a); do chmod 1 $f; done; while b; do c; done; until d; do e; done", "a chmod b c d e"},
		{"a case", "case $(a) in chown|apk) b;; *) c;; esac", "a b c"},
		{"a function", "f() { chown 1 x; }; function g { apk add; }; f; g", "chown apk"},
		{"a function in place of a program", "chown() { a; }; chown x; command chown x", "a command chown"},
		{"assignments", "A=1 B='chown x' a; export C=$(b); local d=$(c)", "a b c"},
		{"single quotes", "echo 'x; chown y'", "echo"},
		{"double quotes", `echo "x; \"chown\" y"`, "echo"},
		{"a quoted name", `"/bin/chown" x; ch"ow"n x; c\hown`, "chown chown chown"},
		{"a name in a variable", `$X/bin/chown x; ${CHOWN} y`, "chown"},
		{"an escaped operator", `find x -exec y {} \; chown`, "find y"},
		{"a line that goes on", "a \\\n chown", "a"},
		{"comments", "a # ; chown\n# chown\nb", "a b"},
		{"no comment", "a x#y; b", "a b"},
		{"redirections", "a >x 2>&1 && b", "a b"},
		{"a here-document", "cat <<EOF >x\nchown 1 y\n$(a)\nEOF\nb", "cat a b"},
		{"a quoted here-document", "cat << 'END' | c\nchown $(a)\nEND\nb", "cat c b"},
		{"an indented here-document", "cat <<-EOF\n\tchown\n\tEOF\nb", "cat b"},
		{"a here-string", "cat <<< chown; b", "cat b"},
		{"exec", "exec >log; exec gosu x \"$@\"", "exec exec gosu"},
		{"a lookup", "if command -v chown; then command -p chown 1 x; fi", "command command chown"},
		{"eval", `eval "chown 1" x`, "eval chown"},
		{"trap", `trap 'a; chown 1 x' EXIT`, "trap a chown"},
		{"a shell", `a || exec /bin/bash -ec "chown $USER:\"1 2\" /x; b"`, "a exec chown b"},
		{"a shell with a here-document", "sh <<EOF\nchown 1 $x\nEOF\nbash -s -- 1 <<'EOF'\na\nEOF", "chown a"},
		{"a shell with a here-string", "sh <<< 'chown 1 x'", "chown"},
		{"a shell with the here-document of cat", "sh -c \"$(cat <<EOF\nchown 1 x\nEOF\n)\"", "chown cat"},
		{"a shell that reads a pipeline", "echo 'chown 1 x' | sudo sh; cat <<EOF | sh\na\nEOF", "echo sudo chown cat a"},
		{"a shell that reads a file", "sh -c \"$(cat /x)\"; cat /x | sh", "cat cat"},
		{"a test and arithmetic", "[[ -n $(a) && x == chown ]] && (( 1 + $(b) )) ; [ chown ]", "a b ["},

		{"an error", "a; if b; then c; fi; d; then chown; fi", "a b c d"},
		{"an error on a later line", "a\nb\nfi\nchown", "a b"},
		{"templates", "a\n{{- if .Values.x }}\nchown 1 x\n{{- end }}\nb", "a {{- chown {{- b"},
		{"a quote without an end", "a\nb 'c; chown", "a"},
		{"a here-document without an end", "a\ncat <<EOF\nchown", "a"},
		{"too long", "chown 1 x; : " + strings.Repeat("x", maxScript), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names(scriptPrograms(c.script)); got != c.want {
				t.Errorf("programs are %q, want %q", got, c.want)
			}
		})
	}
}

func TestProgramArgs(t *testing.T) {
	got := scriptPrograms(`chmod a+x "my file" && sysctl -w x=1`)
	want := []Program{{"chmod", []string{"a+x", "my file"}}, {"sysctl", []string{"-w", "x=1"}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

// Scripts come from anybody.
func FuzzScriptPrograms(f *testing.F) {
	for _, seed := range []string{"", "a", "<<", "a <<E\nE", `\`, `"\`, "cat <<-\n", "<<<", "2>&", "a=1", "#",
		"sh -c \"$(cat <<E\na\nE\n)\"", "find -exec a ; -ok", "eval eval a", "echo a | sh", "sh <<< a", "su - a -c b", "env -S 'a b'", "xargs -I"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, p := range scriptPrograms(script) {
			if strings.ContainsRune(p.Name, '/') && p.Name != "/" {
				t.Errorf("%q: the name %q has a directory", script, p.Name)
			}
		}
	})
}

func scriptPrograms(script string) []Program { return Programs([]string{"sh", "-c", script}, true) }

func names(programs []Program) string {
	var all []string
	for _, p := range programs {
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

// Commands in commands are collected once each: to look at the words of an inner command
// again would double the work with each level.
func TestProgramsOfFindAreCollectedOnce(t *testing.T) {
	const levels = 60
	line := slices.Repeat([]string{"find", "-exec"}, levels)
	if found := Programs(append(line, "chown"), true); len(found) > levels+1 {
		t.Errorf("%d programs of a line with %d", len(found), levels+1)
	}
}
