// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/caseharden/caseharden/defaults"
)

const withSelfService = `
apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: test}
spec:
  container: {readOnlyRootFilesystem: true, runAsUser: 10001, runAsNonRoot: true}
  pod: {fsGroup: 3, runAsUser: 1, runAsGroup: 2}
  selfService: [readOnlyRootFilesystem, runAsUser, fsGroup, runAsGroup]
  exceptions:
  - {match: {containers: [left]}, leave: [runAsUser], reason: x}
  - {match: {containers: [other]}, container: {runAsUser: 7, runAsGroup: 8}, reason: y}
`

func TestSelfService(t *testing.T) {
	const (
		readOnly, user, nonRoot   = "readOnlyRootFilesystem: inject true", "runAsUser: inject 10001", "runAsNonRoot: inject true"
		fsGroup, group, podUser   = "fsGroup: inject 3", "runAsGroup: inject 2", "runAsUser: inject 1"
		noReadOnly, noUser        = "readOnlyRootFilesystem: skip requested", "runAsUser: skip requested"
		noFSGroup, noGroup        = "fsGroup: skip requested", "runAsGroup: skip requested"
		everything, noSuch, spare = "readOnlyRootFilesystem,runAsUser, fsGroup,runAsGroup", "runAsNonRoot, privileged", "seccompProfile"
	)
	refused := func(names ...string) []string { return names }
	for name, tt := range map[string]struct {
		leave, spec      string
		container, atPod []string
		refused          []string // fields with =, other names without
	}{
		"nothing":            {"", `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, nil},
		"one":                {"readOnlyRootFilesystem", `{containers: [{}]}`, []string{noReadOnly, nonRoot, user}, []string{fsGroup, group, podUser}, nil},
		"all that it may":    {everything, `{containers: [{}]}`, []string{noReadOnly, nonRoot, noUser}, []string{noFSGroup, noGroup, noUser}, nil},
		"in every container": {"runAsUser", `{initContainers: [{name: a}], containers: [{name: b}]}`, []string{readOnly, nonRoot, noUser}, []string{fsGroup, "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", noUser}, nil},
		"not listed":         {noSuch, `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, refused("runAsNonRoot=")},
		"one listed, one not": {"runAsNonRoot,readOnlyRootFilesystem", `{containers: [{}]}`, []string{noReadOnly, nonRoot, user}, []string{fsGroup, group, podUser},
			refused("runAsNonRoot=")},
		"no default anyway": {spare, `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, nil},
		"unknown names":     {`runAsUsr, x,, ,"` + "\n,capabilities.add,runAsUsr,*", `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, refused("runAsUsr", "x", `"`, "capabilities.add", "*")},
		"another spelling":  {"runasuser", `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, refused("runasuser")},
		"white space":       {"\truntime\n,\n runAsUser\t", `{containers: [{}]}`, []string{readOnly, nonRoot, noUser}, []string{fsGroup, "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", noUser}, refused("runtime")},
		"the author sets it": {"runAsUser", `{containers: [{securityContext: {runAsUser: 5}}]}`, []string{readOnly, nonRoot, "runAsUser: leave set-on-container"},
			[]string{fsGroup, "runAsGroup: skip group-without-user (" + because("runAsGroup", GroupWithoutUser) + ")", noUser}, nil},
		"an exception leaves it":           {"runAsUser,fsGroup,runAsGroup", `{containers: [{name: left}]}`, []string{readOnly, nonRoot, "runAsUser: skip exception (x)"}, []string{noFSGroup, noGroup, "runAsUser: skip exception (x)"}, nil},
		"an exception gives another":       {"runAsUser,fsGroup,runAsGroup", `{containers: [{name: other}]}`, []string{readOnly, noGroup, nonRoot, noUser}, []string{noFSGroup, noGroup, noUser}, nil},
		"longer than the API server takes": {"runAsUser," + strings.Repeat("x", 256<<10), `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, nil},
		"more unknown names than are told": {"a,b,c,d,e,f,g,h,i,j,k,runAsNonRoot", `{containers: [{}]}`, []string{readOnly, nonRoot, user}, []string{fsGroup, group, podUser}, refused("a", "b", "c", "d", "e", "f", "g", "h", "runAsNonRoot=")},
	} {
		t.Run(name, func(t *testing.T) {
			profile := mustParseProfile(t, withSelfService)
			pod := mustParsePod(t, fmt.Sprintf("{metadata: {annotations: {caseharden.io/leave: %q}}, spec: %s}", tt.leave, tt.spec))
			decisions := profile.Decide(pod)
			if diff := cmp.Diff(tt.container, described(decisionsOn(&pod.Containers[len(pod.Containers)-1], decisions))); diff != "" {
				t.Errorf("container (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.atPod, described(decisionsOn(nil, decisions))); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
			var got []string
			for _, r := range profile.Refusals(pod) {
				if r.Field != nil {
					r.Name += "="
				}
				got = append(got, r.Name)
			}
			if diff := cmp.Diff(tt.refused, got); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// Where a profile leaves nothing to authors, the annotation changes nothing.
func TestNoSelfService(t *testing.T) {
	profile := mustParseProfile(t, head+"spec: {base: hardened}")
	pod := mustParsePod(t, `{metadata: {annotations: {caseharden.io/leave: "runAsUser, readOnlyRootFilesystem"}}, spec: {containers: [{}]}}`)
	for _, d := range profile.Decide(pod) {
		if d.Outcome != Inject {
			t.Errorf("%s: %s", d.Field.Name, d.Reason)
		}
	}
	if got := len(profile.Refusals(pod)); got != 2 {
		t.Errorf("%d names are refused, want 2", got)
	}
}
