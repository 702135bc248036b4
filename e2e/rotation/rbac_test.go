// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The step that fails without each of the permissions of deploy/install.yaml, so that no
// replica becomes ready. With all of them nothing does, in any test of this package.
var needed = []struct {
	verb, resource string
	step           string // that is reported as failed
}{
	{"create", "secrets", "generate"},
	{"get", "mutatingwebhookconfigurations", "watch"},
	{"get", "secrets", "watch"},
	{"patch", "mutatingwebhookconfigurations", "publish"},
	{"update", "secrets", "promote"},
	{"watch", "mutatingwebhookconfigurations", "watch"},
	{"watch", "secrets", "watch"},
}

// The names in the manifest are those of what is shipped, and its permissions suffice,
// with the account guard as it is shipped, for the first certificate, a rotation, and a
// repair.
func TestPermissionsSuffice(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "caseharden", 2, longLifetime, longPropagation)
	p := permissions(t, in)
	var all []string
	for _, n := range needed {
		all = append(all, n.verb+" "+n.resource)
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, p.all()); diff != "" {
		t.Errorf("the permissions of deploy/install.yaml (-tested +there):\n%s", diff)
	}
	grant(t, p)
	guardAccount(t)
	in.start(t)
	first := in.waitSerial(t, "the first certificate", anySerial)
	in.replicas[0].restartWith(t, longLifetime/2)
	second := in.waitSerial(t, "a rotation", func(serial string) bool { return serial != first })
	in.deleteSecret(t)
	in.wipeBundles(t)
	bedtest.Within(t, soon, "a repair", func() error { return in.whole(t.Context(), second) })
	in.waitHardened(t)
	for _, r := range in.replicas {
		lines, _, err := r.log()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if strings.Contains(l.Error, "forbidden") {
				t.Errorf("%s: %s: %s", r.Dir, l.Msg, l.Error)
			}
		}
	}
}

// Each permission is needed.
func TestPermissionsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range needed {
		t.Run(c.verb+" "+c.resource, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, unique("forbidden"), 1, longLifetime, longPropagation)
			p := permissions(t, in)
			p.without(t, c.resource, c.verb)
			grant(t, p)
			r := in.replicas[0]
			if err := r.start(); err != nil {
				t.Fatal(err)
			}
			bedtest.Within(t, soon, "the replica to say what it may not", func() error {
				return in.says(time.Time{}, func(l line) bool {
					return l.Level == "WARN" && l.Step == c.step && strings.Contains(l.Error, "forbidden") &&
						strings.Contains(l.Error, c.resource) && strings.Contains(l.Error, "cannot "+c.verb)
				})
			})
			if n := r.metric(t, fmt.Sprintf("caseharden_certificate_errors_total{step=%q}", c.step)); n == 0 {
				t.Error("no error is counted")
			}
			for start := time.Now(); time.Since(start) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
				if r.CheckReady(t.Context()) == nil {
					t.Fatal("it is ready all the same")
				}
			}
			if n := r.lines(t, time.Time{}, func(l line) bool { return l.Level == "WARN" && l.Step != "" }); n != 1 {
				t.Errorf("it has logged %d warnings", n)
			}
		})
	}
}
