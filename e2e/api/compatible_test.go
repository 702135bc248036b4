// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The profile compatible leaves to containers what they need by their manifest, and gives
// all others the six settings.
func TestCompatible(t *testing.T) {
	const rest = `"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
	running := create(t, newEnforced(t, "compatible"), pod(t, `
spec:
  initContainers:
  - {name: volumes, securityContext: {privileged: true}}
  containers:
  - {name: app}
  - {name: declared, securityContext: {runAsNonRoot: true}}
  - {name: named, securityContext: {runAsNonRoot: true, runAsUser: 5}}
  - {name: denied, securityContext: {runAsNonRoot: false}}
  - {name: adds, securityContext: {capabilities: {add: [NET_ADMIN]}}}
  - {name: adds-none, securityContext: {capabilities: {add: []}}}
  - {name: not-privileged, securityContext: {privileged: false}}
`))
	want := map[string]string{
		"": "{}", "app": allSix,
		"volumes":        `{"privileged":true}`,
		"declared":       `{"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"readOnlyRootFilesystem":true,` + rest,
		"named":          `{"capabilities":{"drop":["ALL"]},"runAsUser":5,"runAsNonRoot":true,"readOnlyRootFilesystem":true,` + rest,
		"denied":         `{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":false,"readOnlyRootFilesystem":true,` + rest,
		"adds":           `{"capabilities":{"add":["NET_ADMIN"],"drop":["ALL"]},"readOnlyRootFilesystem":true,` + rest,
		"adds-none":      allSix,
		"not-privileged": `{"capabilities":{"drop":["ALL"]},"privileged":false,"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,` + rest,
	}
	if diff := cmp.Diff(want, securityContexts(t, running)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	want["debugger"] = `{"capabilities":{"drop":["ALL"]},` + rest
	if diff := cmp.Diff(want, securityContexts(t, addEphemeral(t, running, "debugger"))); diff != "" {
		t.Errorf("security contexts with a debug container (-want +got):\n%s", diff)
	}

	inherited := create(t, newEnforced(t, "compatible"), pod(t, `spec: {securityContext: {runAsNonRoot: true}, containers: [{name: app}]}`))
	want = map[string]string{"": `{"runAsNonRoot":true}`, "app": `{"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,` + rest}
	if diff := cmp.Diff(want, securityContexts(t, inherited)); diff != "" {
		t.Errorf("security contexts where the pod declares it (-want +got):\n%s", diff)
	}
}

// The next step is shown as it would come: what restricted has filled in declares nothing.
func TestEnforceRestrictedAndWarnOfCompatible(t *testing.T) {
	c, r := clientWithWarnings(t)
	namespace := newNamespace(t, map[string]string{"caseharden.io/enforce": "restricted", "caseharden.io/warn": "compatible"})
	for manifest, want := range map[string][]string{
		`spec: {containers: [{name: app}]}`:                                        {`caseharden: container "app" would get readOnlyRootFilesystem, runAsUser (profile compatible)`},
		`spec: {containers: [{name: app, securityContext: {runAsNonRoot: true}}]}`: {`caseharden: container "app" would get readOnlyRootFilesystem (profile compatible)`},
	} {
		createWith(t, c, namespace, pod(t, manifest))
		if diff := cmp.Diff(want, r.Take()); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", manifest, diff)
		}
	}
}
