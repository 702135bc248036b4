// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Words that a shell would not change run without one, as many images have none.
func TestCommandWords(t *testing.T) {
	t.Parallel()
	shell := func(command string) []string { return []string{"sh", "-c", command} }
	for command, want := range map[string][]string{
		"":                          nil,
		"redis-cli ping":            {"redis-cli", "ping"},
		"redis-cli set a 'b c'":     {"redis-cli", "set", "a", "b c"},
		`psql -c "select 1"`:        {"psql", "-c", "select 1"},
		`sh -c 'a '\''b c'\'''`:     shell(`sh -c 'a '\''b c'\'''`),
		`grep "a*b" x`:              {"grep", "a*b", "x"},
		"'echo $HOME'":              {"echo $HOME"},
		"echo $HOME":                shell("echo $HOME"),
		"ls *.txt":                  shell("ls *.txt"),
		"a | b":                     shell("a | b"),
		"a; b":                      shell("a; b"),
		"a > b":                     shell("a > b"),
		"A=1 b":                     shell("A=1 b"),
		`echo "a\tb"`:               shell(`echo "a\tb"`),
		"echo 'unfinished":          shell("echo 'unfinished"),
		"test -e /tmp/x && echo ok": shell("test -e /tmp/x && echo ok"),
	} {
		if diff := cmp.Diff(want, commandWords(command)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", command, diff)
		}
	}
}

func TestNameOfAProfile(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"web": "web", "web.v1": "web-v1", "a-very-long-name-of-a-workload-that-would-not-do-for-a-profile": "a-very-long-name-of-a-workload-that-would-not-do-f"} {
		if got := dnsLabel(name); got != want {
			t.Errorf("dnsLabel(%q) = %q, want %q", name, got, want)
		}
	}
}
