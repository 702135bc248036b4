// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

// effects are, by built-in profile and field, what the kernel says otherwise of a container
// that gets this field and no other. A profile or a field without an entry fails the test.
var effects = map[string]map[string]map[string]string{
	"compatible": allSix,
	"hardened":   allSix,
	"restricted": {
		"allowPrivilegeEscalation": {"NoNewPrivs": "1"},
		"capabilities.drop":        {"CapPrm": none, "CapEff": none, "CapBnd": none},
		"runAsNonRoot":             {"refused": rootImage},
		"seccompProfile":           {"Seccomp": "2"},
	},
}

// allSix are the effects of the profiles that fill in all six settings. The containers here are none
// that compatible makes an exception for.
var allSix = map[string]map[string]string{
	"allowPrivilegeEscalation": {"NoNewPrivs": "1"},
	"capabilities.drop":        {"CapPrm": none, "CapEff": none, "CapBnd": none},
	"readOnlyRootFilesystem":   {"/": "EROFS"},
	"runAsNonRoot":             {}, // skipped: the author says root
	"runAsUser":                {"Uid": "10001 10001 10001 10001", "CapPrm": none, "CapEff": none, "/": "EACCES"},
	"seccompProfile":           {"Seccomp": "2"},
}

// optOuts are what an author sets so that a container is as it would be without Caseharden.
var optOuts = map[string]string{
	"allowPrivilegeEscalation": "allowPrivilegeEscalation: true",
	"capabilities.drop":        "capabilities: {drop: [SYS_TIME]}", // nobody has it by default
	"readOnlyRootFilesystem":   "readOnlyRootFilesystem: false",
	"runAsNonRoot":             "runAsNonRoot: false",
	"runAsUser":                "runAsUser: 0",
	"seccompProfile":           "seccompProfile: {type: Unconfined}",
}

// A container for each field of each built-in profile, whose author opts out of all others.
// One that opts out of all is the control.
func TestEachFieldHasItsEffect(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(builtIn(t), slices.Sorted(maps.Keys(effects))); diff != "" {
		t.Errorf("built-in profiles (-there are +tested):\n%s", diff)
	}
	for profile, want := range effects {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			ns := bedtest.Namespace(t, c, "fields-"+profile, enforcing(profile))
			fields := injected(t, ns)
			const control = "control"
			pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: fields}\nspec:\n  containers:\n"
			for _, unset := range append(fields, control) {
				var set []string
				for _, field := range fields {
					if optOuts[field] == "" {
						t.Fatalf("no value is known that opts out of %s", field)
					}
					if field != unset {
						set = append(set, optOuts[field])
					}
				}
				pod += "  - {name: " + containerName(unset) + ", image: " + cluster.ProbeName + ", securityContext: {" + strings.Join(set, ", ") + "}}\n"
			}
			bedtest.Apply(t, c, ns, pod)

			want = maps.Clone(want)
			want[control] = map[string]string{}
			got := map[string]map[string]string{}
			for _, unset := range append(fields, control) {
				r, refused := runs(t, ns, "fields", containerName(unset))
				if refused != "" {
					got[unset] = map[string]string{"refused": refused}
					continue
				}
				got[unset] = changes(r)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("effects of each field (-want +got):\n%s", diff)
			}
		})
	}
}

// builtIn returns the names of the profiles that the image has.
func builtIn(t *testing.T) []string {
	t.Helper()
	return strings.Fields(bedtest.Kubectl(t, c, "", "exec", "--namespace="+release.Namespace, stayingReplicas(t)[0].Name, "--",
		"/caseharden", "profiles", "list", "--output=name"))
}

// containerName returns a name for the container that is about a field.
func containerName(field string) string {
	return strings.ToLower(strings.ReplaceAll(field, ".", "-"))
}

// injected returns the fields that a container which sets nothing gets in the namespace.
func injected(t *testing.T, namespace string) []string {
	t.Helper()
	output := bedtest.Kubectl(t, c, "", "run", "--namespace="+namespace, "bare", "--image="+cluster.ProbeName,
		"--dry-run=server", `--output=jsonpath={.metadata.annotations.caseharden\.io/injected}`)
	var annotation struct{ Containers map[string][]string }
	if err := json.Unmarshal([]byte(output), &annotation); err != nil {
		t.Fatalf("annotation %q: %v", output, err)
	}
	return slices.Clip(annotation.Containers["bare"])
}

// changes returns what a report has other than plainReport.
func changes(r kernel.Report) map[string]string {
	changed := map[string]string{}
	for key, value := range r.Status {
		if value != plainReport.Status[key] {
			changed[key] = value
		}
	}
	for dir, value := range r.Writes {
		if value != plainReport.Writes[dir] {
			changed[dir] = value
		}
	}
	return changed
}
