// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// values are, by field, some that a profile may have and some that it may not.
var values = map[string]struct{ allowed, refused []string }{
	"allowPrivilegeEscalation": {[]string{`false`}, []string{`true`, `"false"`, `0`}},
	"appArmorProfile": {[]string{`{type: RuntimeDefault}`, `{type: Localhost, localhostProfile: k8s-nginx}`}, []string{
		`{type: Unconfined}`, `{}`, `{type: Localhost}`, `{type: Localhost, localhostProfile: ""}`, `{type: Localhost, localhostProfile: " x"}`,
		`{type: RuntimeDefault, localhostProfile: x}`, `{typ: RuntimeDefault}`, `RuntimeDefault`}},
	"capabilities.drop":   {[]string{`[ALL]`, `[NET_RAW, MKNOD]`}, []string{`[]`, `[CAP_NET_RAW]`, `[net_raw]`, `[all]`, `[NETRAW]`, `ALL`, `[1]`}},
	"fsGroup":             {[]string{`1`, `2147483647`}, []string{`0`, `-1`, `2147483648`, `1.5`, `"1"`, `true`}},
	"fsGroupChangePolicy": {[]string{`OnRootMismatch`, `Always`}, []string{`Never`, `""`, `1`}},
	"privileged":          {[]string{`false`}, []string{`true`, `yes`}},
	"procMount":           {[]string{`Default`}, []string{`Unmasked`, `default`}},

	"readOnlyRootFilesystem": {[]string{`true`}, []string{`false`, `on`}},
	"runAsGroup":             {[]string{`1`, `2147483647`}, []string{`0`, `root`, `2147483648`}},
	"runAsNonRoot":           {[]string{`true`}, []string{`false`}},
	"runAsUser":              {[]string{`1`, `10001`, `2147483647`}, []string{`0`, `root`, `-1`, `2147483648`, `[1]`}},
	"seLinuxChangePolicy":    {[]string{`MountOption`, `Recursive`}, []string{`None`}},
	"seLinuxOptions": {[]string{`{level: "s0:c1,c2"}`, `{type: container_t}`, `{type: container_init_t, level: s0}`, `{type: container_kvm_t}`}, []string{
		`{}`, `{type: spc_t}`, `{type: unconfined_t}`, `{type: my_app.process}`, `{user: system_u}`, `{role: system_r, type: container_t}`, `{levle: s0}`}},
	"seccompProfile": {[]string{`{type: RuntimeDefault}`, `{type: Localhost, localhostProfile: profiles/audit.json}`}, []string{
		`{type: Unconfined}`, `{}`, `{type: Localhost}`, `{type: Localhost, localhostProfile: ../x}`, `{type: Localhost, localhostProfile: /x}`,
		`{type: RuntimeDefault, localhostProfile: x}`, `{type: RuntimeDefault, more: 1}`}},
	"supplementalGroups":       {[]string{`[1]`, `[1, 2147483647]`}, []string{`[]`, `[0]`, `[1, 0]`, `1`, `[x]`}},
	"supplementalGroupsPolicy": {[]string{`Strict`, `Merge`}, []string{`strict`}},
	"sysctls": {[]string{`[{name: kernel.shm_rmid_forced, value: "1"}]`, `[{name: net.ipv4.ip_local_port_range, value: "1024 65535"}, {name: net.ipv4.tcp_syncookies, value: "0"}]`}, []string{
		`[]`, `[{name: kernel.msgmax, value: "65536"}]`, `[{name: net.core.somaxconn, value: "1"}]`, `[{name: net.ipv4.tcp_syncookies, value: "on"}]`,
		`[{name: net.ipv4.tcp_syncookies, value: 1}]`, `[{name: net.ipv4.tcp_syncookies}]`, `[{name: net/ipv4/tcp_syncookies, value: "1"}]`,
		`[{name: net.ipv4.tcp_syncookies, value: "1"}, {name: net.ipv4.tcp_syncookies, value: "1"}]`, `{net.ipv4.tcp_syncookies: 1}`}},
	"windowsOptions": {[]string{`{runAsUserName: ContainerUser}`, `{runAsUserName: 'CORP\app.user'}`, `{gmsaCredentialSpecName: web, hostProcess: false}`, `{gmsaCredentialSpec: "{}"}`}, []string{
		`{}`, `{hostProcess: true}`, `{runAsUserName: ContainerAdministrator}`, `{runAsUserName: containeradministrator}`, `{runAsUserName: ""}`,
		`{runAsUserName: 'a\b\c'}`, `{gmsaCredentialSpecName: No_Name}`, `{gmsaCredentialSpec: ""}`, `{user: x}`}},
}

func profileWith(field, value string) (data string, levels []Level) {
	f := fieldByName[field]
	parts := strings.Split(field, ".")
	nested := strings.Join(parts, ": {") + ": " + value + strings.Repeat("}", len(parts)-1)
	spec := ""
	if f.Levels&ContainerLevel != 0 {
		spec += "  container: {" + nested + "}\n"
		levels = append(levels, ContainerLevel)
	}
	if f.Levels&PodLevel != 0 {
		spec += "  pod: {" + nested + "}\n"
		levels = append(levels, PodLevel)
	}
	return head + "spec:\n" + spec, levels
}

func TestValues(t *testing.T) {
	for _, f := range Fields() {
		if f.AuthorOnly {
			continue
		}
		v := values[f.Name]
		if len(v.allowed) == 0 || len(v.refused) == 0 {
			t.Errorf("%s has no allowed and refused values in the test", f.Name)
		}
		for _, value := range v.refused {
			data, levels := profileWith(f.Name, value)
			_, err := ParseProfiles([]ProfileFile{{Name: "x.yaml", Data: []byte(data)}})
			if err == nil {
				t.Errorf("%s: %s must be refused", f.Name, value)
			} else if n := strings.Count(err.Error(), f.Name+": must be "+f.Values.Must+", is "); n != len(levels) {
				t.Errorf("%s: %s: the error does not say what it must be, at each level: %v", f.Name, value, err)
			}
		}
		for _, value := range v.allowed {
			data, _ := profileWith(f.Name, value)
			if _, err := ParseProfiles([]ProfileFile{{Name: "x.yaml", Data: []byte(data)}}); err != nil {
				t.Errorf("%s: %s must be allowed: %v", f.Name, value, err)
			}
		}
	}
}

// No value that a profile may have makes a pod fail the Pod Security Standard
// restricted, in the oldest version that is supported and in the latest.
func TestValuesAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for field, v := range values {
		for _, value := range v.allowed {
			data, levels := profileWith(field, value)
			profile := mustParseProfile(t, data)
			for _, level := range levels {
				spec := restrictedSpec(t, level, profile.at(level)[0])
				for _, version := range []psa.Version{psa.MajorMinorVersion(1, 30), psa.LatestVersion()} {
					for _, result := range evaluator.EvaluatePod(psa.LevelVersion{Level: psa.LevelRestricted, Version: version}, &metav1.ObjectMeta{}, spec) {
						if !result.Allowed {
							t.Errorf("%s: %s at level %d: restricted:%s refuses %s (%s)", field, value, level, version, result.ForbiddenReason, result.ForbiddenDetail)
						}
					}
				}
			}
		}
	}
}

// restrictedSpec is a pod that meets restricted, with a default on top.
func restrictedSpec(t *testing.T, level Level, d Default) *corev1.PodSpec {
	t.Helper()
	yes, no := true, false
	spec := &corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{},
		Containers: []corev1.Container{{Name: "app", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			RunAsNonRoot:             &yes,
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}}},
	}
	// A drop of less than ALL is only injected where there is none.
	if d.Field == capabilitiesDrop {
		return spec
	}
	into := any(spec.Containers[0].SecurityContext)
	if level == PodLevel {
		into = spec.SecurityContext
	}
	if err := json.Unmarshal([]byte(nest(d.Field.Name, string(d.Value.JSON))), into); err != nil {
		t.Fatal(err)
	}
	if raw := fmt.Sprintf("%+v", into); raw == "" {
		t.Fatal("nothing was set")
	}
	return spec
}
