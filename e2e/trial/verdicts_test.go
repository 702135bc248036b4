// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// deployment returns the manifest of a Deployment of one container.
func deployment(image, args string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: app, image: %q, args: [%s], ports: [{containerPort: 8080}]}]
`, image, args)
}

// Each application needs something else; the trial finds the smallest exception, and says
// by which line.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, image, args string
		flags             []string
		code              int
		instead           map[string]string // by setting, where the profile has to differ
		line              string            // that one of them shows
		note              string
	}{
		{name: "nothing", image: rootImage, args: `"-write=/dev/null"`, code: 0, instead: map[string]string{}},
		{name: "tmp", image: rootImage, args: `"-write=/tmp/x"`, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "writable /tmp"}, line: "open /tmp/x: read-only file system"},
		{name: "run-and-tmp", image: rootImage, args: `"-write=/run/x,/tmp/x"`, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "writable /run /tmp"}},
		{name: "own-user", image: userImage, args: `"-write=/data/x"`, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "writable /data"}, line: "permission denied"},
		{name: "own-file", image: userImage, args: `"-write=/data/own/x"`, code: 2,
			instead: map[string]string{"runAsUser": "as user 999", "readOnlyRootFilesystem": "writable /data/own"}, line: "permission denied"},
		{name: "chown", image: rootImage, args: `"-chown=/tmp/x", "-become=999"`, code: 2,
			instead: map[string]string{
				"runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot",
				// DAC_OVERRIDE is for the second start, when root finds the file of another user in
				// the emptyDir: a first start works without it.
				"capabilities.drop": "drop all but CHOWN, DAC_OVERRIDE, SETGID, SETUID", "readOnlyRootFilesystem": "writable /tmp",
			}, line: "operation not permitted"},
		{name: "passwd", image: rootImage, args: `"-named"`, code: 2, instead: map[string]string{"runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot"}},
		{name: "ready-and-wrong", image: rootImage, args: `"-try=/etc/app.conf"`, code: 2,
			instead: map[string]string{
				"readOnlyRootFilesystem": "without readOnlyRootFilesystem", "runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot",
			}, line: "open /etc/app.conf"},
		{name: "pid-file", image: rootImage, args: `"-pid=/run/app.pid"`, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "without readOnlyRootFilesystem"}},
		{name: "http", image: rootImage, args: `"-listen=:8080", "-serves=/srv-state"`, flags: []string{"--http=/"}, code: 2,
			instead: map[string]string{
				"readOnlyRootFilesystem": "without readOnlyRootFilesystem", "runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot",
			}, line: "status 500"},
		// The same server, which nobody asks: it is ready, and the report says what that is worth.
		{name: "not-exercised", image: rootImage, args: `"-listen=:8080", "-serves=/srv-state"`, code: 0, instead: map[string]string{}, note: "Nothing was exercised"},
		{name: "quiet", image: rootImage, args: `"-quiet=/var/cache/app/x"`, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "without readOnlyRootFilesystem"}},
		{name: "observed", image: rootImage, args: `"-quiet=/var/cache/app/x"`, flags: []string{"--observer-image=" + observerImage}, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "writable /var/cache/app"}},
		{name: "late", image: rootImage, args: `"-late=/tmp/x", "-after=12s"`, flags: []string{"--hold=16s"}, code: 2,
			instead: map[string]string{"readOnlyRootFilesystem": "writable /tmp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ns := bedtest.Namespace(t, c, "verdict-"+test.name, nil)
			bedtest.Apply(t, c, ns, deployment(test.image, test.args))
			if _, err := c.Pod(t.Context(), ns, "app=app"); err != nil {
				t.Fatal(err)
			}
			before := own(t, ns)
			r := try(t, append([]string{"deployment/app", "-n", ns}, test.flags...)...)
			if r.code != test.code {
				t.Fatalf("exit code %d, want %d: %s\n%s", r.code, test.code, r.report.Sentence, r.stdout)
			}
			if r.report.Conclusion == "exceptions are needed" && len(r.report.Proof) != 2 {
				t.Errorf("%d proofs, want two", len(r.report.Proof))
			}
			got := map[string]string{}
			var lines []string
			for _, s := range r.report.Settings {
				if s.Instead != "" {
					got[s.Field] = s.Instead
					lines = append(lines, s.Line)
				}
			}
			if diff := cmp.Diff(test.instead, got); diff != "" {
				t.Errorf("what differs (-want +got):\n%s%s", diff, r.stdout)
			}
			if !slices.ContainsFunc(append(lines, ""), func(l string) bool { return strings.Contains(l, test.line) }) {
				t.Errorf("deciding lines %q, want one with %q", lines, test.line)
			}
			if notes := strings.Join(r.report.Notes, " "); !strings.Contains(notes, test.note) || strings.Contains(notes, "Nothing was exercised") != (len(test.flags) == 0 || !strings.HasPrefix(test.flags[0], "--http")) {
				t.Errorf("notes %q", notes)
			}
			if names := left(t, ns); len(names) > 0 {
				t.Errorf("left behind: %q", names)
			}
			if diff := cmp.Diff(before, own(t, ns)); diff != "" {
				t.Errorf("the workload's own pods and their restarts (-before +after):\n%s", diff)
			}
		})
	}
}
