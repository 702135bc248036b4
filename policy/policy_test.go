// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/mutate"
)

// Every conflict of the catalogue has its expression, of the same reason and with the same
// functions; and there are no others. Whether they say the same is for e2e/api to test.
func TestEveryConflictHasAnExpression(t *testing.T) {
	t.Parallel()
	left := conflictsByField()
	for _, f := range defaults.Fields() {
		expressions := left[f.Name]
		delete(left, f.Name)
		if len(expressions) != len(f.Conflicts) {
			t.Errorf("%s: %d expressions for %d conflicts: add them to conflicts.go", f.Name, len(expressions), len(f.Conflicts))
			continue
		}
		for i, c := range f.Conflicts {
			e := expressions[i]
			if e.reason != c.Reason || (e.inContainer != nil) != (c.InContainer != nil) ||
				(e.inherited != nil) != (c.Inherited != nil) || (e.onPod != nil) != (c.OnPod != nil) {
				t.Errorf("%s: the conflict %s (%s) is not the one that conflicts.go has in its place", f.Name, c.Reason, c.When)
			}
		}
	}
	for name := range left {
		t.Errorf("conflicts.go has conflicts of %s, and the catalogue has none", name)
	}
}

// All that a profile can say is exported or refused: an addition to profiles has to be
// named here.
func TestAllOfAProfileIsKnown(t *testing.T) {
	t.Parallel()
	for typ, want := range map[reflect.Type][]string{
		reflect.TypeFor[defaults.Profile]():      {"Name", "File", "Container", "Pod", "WritablePaths", "Exceptions", "SelfService", "RepositoryOf"},
		reflect.TypeFor[defaults.Exception]():    {"Match", "Leave", "Container", "WritablePaths", "Reason", "Owner", "ReviewBy", "Place"},
		reflect.TypeFor[defaults.Match]():        {"Containers", "ContainerTypes", "Privileged", "AddsCapabilities", "RunAsNonRoot", "PodLabels", "Images"},
		reflect.TypeFor[defaults.WritablePath](): {"Path", "SizeLimit"},
		reflect.TypeFor[defaults.Conflict]():     {"Reason", "When", "Because", "Concerns", "InContainer", "Inherited", "OnPod", "NoEffect"},
	} {
		var got []string
		for i := range typ.NumField() {
			got = append(got, typ.Field(i).Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the fields %q, and package policy knows %q: express the others in CEL or refuse them", typ, got, want)
		}
	}
}

// A conflict without an expression refuses the profile, with the field and the reason.
func TestExportRefusesAnUnknownConflict(t *testing.T) {
	f := defaults.FieldByName("runAsUser")
	before := f.Conflicts
	t.Cleanup(func() { f.Conflicts = before })
	f.Conflicts = append(slices.Clone(before), defaults.Conflict{Reason: "new-reason"})
	_, err := Export(profiletest.Builtin(t, "hardened"), mutate.Modes(), nil)
	if want := "profile hardened cannot be exported:\nrunAsUser: the conflict new-reason has no expression in CEL"; err == nil || err.Error() != want {
		t.Errorf("Export = %v, want %s", err, want)
	}
	if _, err := Export(profiletest.Builtin(t, "restricted"), mutate.Modes(), nil); err != nil {
		t.Errorf("a profile without the field: %v", err)
	}
}

func TestExportRefusesTooManyExceptions(t *testing.T) {
	t.Parallel()
	var spec strings.Builder
	spec.WriteString("{container: {runAsUser: 1}, exceptions: [")
	for range 2500 {
		spec.WriteString("{match: {containers: [some-name-of-a-container]}, leave: [runAsUser], reason: x}, ")
	}
	spec.WriteString("]}")
	_, err := Export(profiletest.Own(t, spec.String()), mutate.Modes(), nil)
	if err == nil || !strings.Contains(err.Error(), "exceptions: an expression has ") {
		t.Errorf("Export = %v", err)
	}
}

func TestExportRefusesSeveralLimitsOfAPath(t *testing.T) {
	t.Parallel()
	p := profiletest.Own(t, `{base: hardened, writablePaths: [{path: /tmp, sizeLimit: 1Mi}],
		exceptions: [{match: {containers: [a]}, writablePaths: [{path: /tmp}], reason: x}]}`)
	_, err := Export(p, mutate.Modes(), nil)
	const want = "profile own cannot be exported:\nwritablePaths: /tmp has several size limits, and the volume of a policy has one: use the same sizeLimit everywhere"
	if err == nil || err.Error() != want {
		t.Errorf("Export = %v, want %s", err, want)
	}
}

// Globs of container names mean what path.Match says.
func TestPatternOfGlob(t *testing.T) {
	t.Parallel()
	names := []string{"", "a", "b", "app", "app-1", "istio-proxy", "proxy", "x.y", "]", "-", "^", "a-b", "[a]", `a\b`}
	for _, glob := range []string{"a", "*", "*-proxy", "app?*", "[a-c]", "[^a-c]", "[^a]*", `\[a\]`, `[\]\-]`, "x.y", "x?y", `[\^a]`, "*p*"} {
		pattern := regexp.MustCompile(patternOfNames([]string{glob}))
		for _, name := range names {
			want, err := path.Match(glob, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := pattern.MatchString(name); got != want {
				t.Errorf("%q matches %q: %t by the pattern %s, want %t", glob, name, got, pattern, want)
			}
		}
	}
}

// A mount covers a writable path as package defaults has it, however it is spelt.
func TestCoverPattern(t *testing.T) {
	t.Parallel()
	spellings := []string{"%", "/%", "//%", "./%", "/./%", "%/", "%//", "%/.", "/%/./", ".%", "%.", "%x", "x/%"}
	for _, writable := range []string{"/tmp", "/var/run", "/a/b/c", "/opt/app.d"} {
		pattern := regexp.MustCompile(coverPattern(writable))
		for _, dir := range []string{"", ".", "tmp", "var", "var/run", "var//run", "var/./run", "run", "a/b", "a/b/c", "a/b/c/d", "opt/app.d", "opt/appxd", "..."} {
			for _, spelling := range spellings {
				mount := strings.ReplaceAll(spelling, "%", dir)
				if mount == "" || slices.Contains(strings.Split(mount, "/"), "..") {
					continue // the API server refuses the one, and Losses has the other
				}
				clean := path.Clean("/" + mount)
				want := writable == clean || clean == "/" || strings.HasPrefix(writable, clean+"/")
				if got := pattern.MatchString(mount); got != want {
					t.Errorf("a mount at %q covers %s: %t by the pattern %s, want %t", mount, writable, got, pattern, want)
				}
			}
		}
	}
}

// Breaking lines changes nothing but white space.
func TestLayOut(t *testing.T) {
	t.Parallel()
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), "") }
	for _, name := range []string{"hardened", "restricted"} {
		for _, d := range slices.Concat(enforcing(profiletest.Builtin(t, name)), reporting(profiletest.Builtin(t, name))) {
			for _, v := range append(d.variables, variable{expression: d.patch}, variable{expression: d.message}) {
				laidOut := layOut(v.expression)
				if squeeze(laidOut) != squeeze(v.expression) {
					t.Errorf("%s: %s becomes\n%s", d.name, v.expression, laidOut)
				}
			}
		}
	}
	const long = `a == "` + "b || " + `" || ` + `c == "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"`
	if got, want := layOut(long), strings.Replace(long, `" || c`, "\"\n  || c", 1); got != want {
		t.Errorf("layOut = %s, want %s", got, want)
	}
}
