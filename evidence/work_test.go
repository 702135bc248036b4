// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// An image may be made so that following it would take forever. It is given up, and then
// nothing is proven.
func TestWorkEnds(t *testing.T) {
	words := func(n int, word string) []string { return slices.Repeat([]string{word}, n) }
	var volumes []string
	for i := range 100_000 {
		volumes = append(volumes, fmt.Sprintf("/v/%d", i))
	}
	for _, tt := range []struct {
		name   string
		config evidence.Config
		script string
		edit   func(*evidence.Container)
	}{
		{"a script that runs itself", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}}, "set -e\n" + strings.Repeat("/entrypoint.sh\n", 20) + "mkdir /srv/app/x\n", nil},
		{"many programs", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}}, numbered("/usr/bin/server %d\n/bin/sh /entrypoint.sh %[1]d\n", 1000), nil},
		{"many words", evidence.Config{Entrypoint: []string{"/usr/bin/server"}, Command: words(170_000, "/srv/app")}, "", nil},
		{"words of a large variable", evidence.Config{}, "", func(c *evidence.Container) {
			c.Command, c.Env = words(170_000, "$(A)"), map[string]string{"A": strings.Repeat("x", 500<<10)}
		}},
		{"words of a variable that names itself", evidence.Config{}, "", func(c *evidence.Container) {
			c.Command, c.Env = []string{strings.Repeat("$(A)", 100_000)}, map[string]string{"A": "$(A)$(B)", "B": strings.Repeat("$(A)", 100_000)}
		}},
		{"many directories of programs", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, Env: []string{"PATH=" + strings.Repeat("/bin:", 100_000)}}, strings.Repeat("a\n", 3000), nil},
		{"many volumes", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, Volumes: volumes}, numbered("mkdir /srv/app/%d\n", 3000), nil},
		{"many directories", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}}, "set -e\n" + numbered("mkdir /srv/app/%d/\ntouch /srv/x/%[1]d/y\n", 1900), nil},
		{"many accounts", evidence.Config{Entrypoint: []string{"/entrypoint.sh"}}, numbered("su-exec u%d /entrypoint.sh\nchown u%[1]d /srv/app\n", 1900), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := imagetest.New(t, shellFiles+"f 755 0:0 /usr/bin/server\nf 755 0:0 /usr/bin/su-exec\nd 755 0:0 /srv/app\n"+numbered("d 755 %d:0 /srv/x/%[1]d\n", 1900),
				map[string]string{"/entrypoint.sh": "#!/bin/sh\n" + tt.script, "/etc/passwd": "root:x:0:0::/:\n" + numbered("u%d:x:%[1]d:0::/:\n", 1900)})
			start := time.Now()
			evidence.Judge(hardened(tt.edit), &evidence.Facts{Image: &evidence.Image{Files: files, Config: tt.config}})
			took := time.Since(start)
			t.Log(took)
			if took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

// The kubelet replaces references once, from left to right, in the words of the manifest.
func TestReferences(t *testing.T) {
	image := &evidence.Image{Files: imagetest.New(t, "", nil), Config: evidence.Config{Entrypoint: []string{"$(A)"}}}
	for _, tt := range []struct {
		word, want string
		open       bool
	}{
		{"$(A)", "$(B)", false},
		{"$(A)-$(B)", "$(B)-b", false},
		{"$$(A)", "$(A)", false},
		{"$$$(B)$", "$b$", false},
		{"$(C)$A$(", "$(C)$A$(", false},
		{"$(C)", "$_", true},
		{"$(DB_SERVICE_HOST)", "$_", false},
		{"$$(C)", "$(C)", true},
		{"x$(U)", "$_", false},
	} {
		c := hardened(func(c *evidence.Container) {
			c.Args, c.OpenEnv = []string{tt.word}, tt.open
			c.Env = map[string]string{"A": "$(B)", "B": "b", "U": "$_"}
		})
		if got := evidence.Command(c, image); !slices.Equal(got, []string{"$(A)", tt.want}) {
			t.Errorf("%s: %q", tt.word, got)
		}
	}
}

// What is proven is never left out, even where no change of the profile is an answer.
func TestUnanswered(t *testing.T) {
	files := imagetest.New(t, "f 700 1000:1000 /opt/run", nil)
	facts := &evidence.Facts{Image: &evidence.Image{Files: files, Config: evidence.Config{Entrypoint: []string{"/opt/run"}, User: "1000"}}}
	var got []string
	for _, f := range evidence.Unanswered(hardened(nil), facts) {
		got = append(got, found(f))
	}
	want := []string{"breaks program-not-executable [allowPrivilegeEscalation capabilities.drop readOnlyRootFilesystem runAsNonRoot runAsUser]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
