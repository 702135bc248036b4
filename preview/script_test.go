// SPDX-License-Identifier: Apache-2.0

package preview

import (
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
		{"by busybox", []string{"busybox", "chown", "1"}, false, "chown"},
		{"in an environment", []string{"/usr/bin/env", "-i", "A=1", "chown", "1"}, false, "chown"},
		{"below an init", []string{"tini", "--", "sh", "-c", "chown 1 x"}, false, "chown"},
		{"nothing below env", []string{"env"}, false, ""},
		{"a script", []string{"/bin/sh", "-c", "mkdir x && chown 1 x; /sbin/su-exec 1 y || exit 1"}, false, "mkdir chown su-exec exit"},
		{"flags before the script", []string{"bash", "-e", "-c", "chown 1 x"}, false, "chown"},
		{"flags in one", []string{"bash", "-exc", "chown 1 x"}, false, "chown"},
		{"a file is no script", []string{"sh", "/chown.sh", "chown"}, false, ""},
		{"what comes after the script is an argument", []string{"sh", "-c", "a", "chown"}, false, "a"},
		{"no script after -c", []string{"sh", "-c"}, false, ""},
		{"arguments for a shell", []string{"-c", "chown 1 x"}, true, "chown"},
		{"arguments for an entrypoint", []string{"chown", "x"}, true, "chown"},
		{"another program's -c", []string{"psql", "-c", "chown 1 x"}, false, "psql"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names(programs(c.line, !c.asArgs)); got != c.want {
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
		{"a subshell", "(a; b) ; { c; }", "a b { c }"},
		{"a substitution", "x=$(a 1); echo `b`", "a echo b"},
		{"words before a command", "if a; then b; elif c; then d; else e; fi", "if a then b elif c then d else e fi"},
		{"a loop", "for f in chown apk; do chmod 1 $f; done", "for do chmod done"},
		{"assignments", "A=1 B='chown x' a", "a"},
		{"single quotes", "echo 'x; chown y'", "echo"},
		{"double quotes", `echo "x; \"chown\" y"`, "echo"},
		{"a quoted name", `"/bin/chown" x`, "chown"},
		{"an escaped operator", `find x -exec y {} \; chown`, "find"},
		{"a line that goes on", "a \\\n chown", "a"},
		{"comments", "a # ; chown\n# chown\nb", "a b"},
		{"no comment", "a x#y; b", "a b"},
		{"redirections", "a >x 2>&1 && b", "a b"},
		{"a here-document", "cat <<EOF >x\nchown 1 y\nEOF\nb", "cat b"},
		{"a quoted here-document", "cat << 'END' | c\nchown\nEND\nb", "cat c b"},
		{"an indented here-document", "cat <<-EOF\n\tchown\n\tEOF\nb", "cat b"},
		{"a here-document without an end", "cat <<EOF\nchown", "cat"},
		{"a here-string", "cat <<< chown; b", "cat b"},
		{"a quote without an end", "a 'b; chown", "a"},
		{"exec", "exec gosu x", "exec gosu"},
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
	want := []program{{"chmod", []string{"a+x", "my file"}}, {"sysctl", []string{"-w", "x=1"}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

// Scripts come from anybody.
func FuzzScriptPrograms(f *testing.F) {
	for _, seed := range []string{"", "a", "<<", "a <<E\nE", `\`, `"\`, "cat <<-\n", "<<<", "2>&", "a=1", "#"} {
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

func names(programs []program) string {
	var all []string
	for _, p := range programs {
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}
