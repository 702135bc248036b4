// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/internal/profiletest"
)

func TestPodSecurity(t *testing.T) {
	for _, c := range []struct {
		name, profile, pod string
		want               *PodSecurity
	}{
		{"a legacy pod", "hardened", `{spec: {containers: [{name: c}]}}`, &PodSecurity{Before: "baseline", After: "restricted"}},
		{"the gentle profile", "restricted", `{spec: {containers: [{name: c}]}}`, &PodSecurity{Before: "baseline", After: "restricted"}},
		{"restricted already", "hardened", `{spec: {
			securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
			containers: [{name: c, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}}`,
			&PodSecurity{Before: "restricted", After: "restricted"}},
		{"root by the manifest", "hardened", `{spec: {containers: [{name: c, securityContext: {runAsUser: 0}}]}}`,
			&PodSecurity{Before: "baseline", After: "baseline", Missing: []string{
				`runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)`,
				`runAsUser=0 (container "c" must not set runAsUser=0)`,
			}}},
		{"the node's network", "hardened", `{spec: {hostNetwork: true, containers: [{name: c}]}}`,
			&PodSecurity{Before: "privileged", After: "privileged", Missing: []string{`host namespaces (hostNetwork=true)`}}},
		{"an annotation", "hardened", `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/c: unconfined}}, spec: {containers: [{name: c}]}}`,
			&PodSecurity{Before: "privileged", After: "privileged", Missing: []string{
				`forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")`,
			}}},
		{"Windows", "hardened", `{spec: {os: {name: windows}, containers: [{name: c}]}}`, &PodSecurity{Before: "baseline", After: "restricted"}},
		{"an ephemeral container", "hardened", `{spec: {containers: [{name: c}], ephemeralContainers: [{name: e, securityContext: {privileged: true}}]}}`,
			&PodSecurity{Before: "privileged", After: "privileged", Missing: []string{
				`privileged (container "e" must not set securityContext.privileged=true)`,
				`allowPrivilegeEscalation != false (container "e" must set securityContext.allowPrivilegeEscalation=false)`,
				`unrestricted capabilities (container "e" must set securityContext.capabilities.drop=["ALL"])`,
				`seccompProfile (pod or container "e" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`,
			}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after, _ := profiletest.Inject(t, profiletest.Builtin(t, c.profile), profiletest.FromYAML(t, c.pod))
			if diff := cmp.Diff(c.want, podSecurity(before, after)); diff != "" {
				t.Errorf("the levels (-want +got):\n%s", diff)
			}
		})
	}
}

// A preview of a cluster evaluates thousands of pods, each twice.
func BenchmarkPodSecurity(b *testing.B) {
	before, after, _ := profiletest.Inject(b, profiletest.Builtin(b, "hardened"), []byte(`{"spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "c"}, {"name": "d"}]}}`))
	b.ReportAllocs()
	for b.Loop() {
		podSecurity(before, after)
	}
}
