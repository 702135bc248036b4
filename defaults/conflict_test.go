// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"testing"

	. "github.com/caseharden/caseharden/defaults"
)

// conflictCases are the conflicts and their near misses: the pod is one that
// the API server and the kubelet accept as it stands.
var conflictCases = []struct {
	name  string
	field string
	level Level
	pod   string // YAML; at container level the decision is about its last container
	want  Reason
}{
	{"privileged", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"not privileged", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: false}}]}}`, Unset},
	{"another is privileged", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}, {}]}}`, Unset},
	{"CAP_SYS_ADMIN", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [NET_RAW, CAP_SYS_ADMIN]}}}]}}`, AddsCapSysAdmin},
	{"SYS_ADMIN", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}}`, Unset},
	{"cap_sys_admin", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [cap_sys_admin]}}}]}}`, Unset},
	{"CAP_SYS_ADMIN dropped", "allowPrivilegeEscalation", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {drop: [CAP_SYS_ADMIN]}}}]}}`, Unset},

	{"UID 0 on the container", "runAsNonRoot", ContainerLevel, `{spec: {containers: [{securityContext: {runAsUser: 0}}]}}`, RunsAsRoot},
	{"UID 0 on the pod", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {runAsUser: 0}, containers: [{}]}}`, RunsAsRoot},
	{"UID 0 on the pod, 1 on the container", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {runAsUser: 0}, containers: [{securityContext: {runAsUser: 1}}]}}`, Unset},
	{"UID 1 on the pod, 0 on the container", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {runAsUser: 1}, containers: [{securityContext: {runAsUser: 0}}]}}`, RunsAsRoot},
	{"group 0", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {runAsGroup: 0}, containers: [{}]}}`, Unset},
	{"ContainerAdministrator", "runAsNonRoot", ContainerLevel, `{spec: {containers: [{securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]}}`, RunsAsRoot},
	{"containeradministrator on the pod", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {windowsOptions: {runAsUserName: containeradministrator}}, containers: [{}]}}`, RunsAsRoot},
	{"ContainerAdministrator on the pod, ContainerUser on the container", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}, containers: [{securityContext: {windowsOptions: {runAsUserName: ContainerUser}}}]}}`, Unset},
	{"a gMSA on the container, ContainerAdministrator on the pod", "runAsNonRoot", ContainerLevel, `{spec: {securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}, containers: [{securityContext: {windowsOptions: {gmsaCredentialSpecName: x}}}]}}`, RunsAsRoot},
	{"LocalService", "runAsNonRoot", ContainerLevel, `{spec: {containers: [{securityContext: {windowsOptions: {runAsUserName: "NT AUTHORITY\\LocalService"}}}]}}`, Unset},

	{"one runs as UID 0", "runAsNonRoot", PodLevel, `{spec: {initContainers: [{securityContext: {runAsUser: 0}}], containers: [{}]}}`, RunsAsRoot},
	{"UID 0 on the pod", "runAsNonRoot", PodLevel, `{spec: {securityContext: {runAsUser: 0}, containers: [{}]}}`, RunsAsRoot},
	{"the one with UID 0 decides for itself", "runAsNonRoot", PodLevel, `{spec: {containers: [{}, {securityContext: {runAsUser: 0, runAsNonRoot: false}}]}}`, Unset},
	{"UID 0 on the pod, others on all containers", "runAsNonRoot", PodLevel, `{spec: {securityContext: {runAsUser: 0}, containers: [{securityContext: {runAsUser: 7}}]}}`, Unset},
	{"one is ContainerAdministrator", "runAsNonRoot", PodLevel, `{spec: {containers: [{}, {securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]}}`, RunsAsRoot},

	{"privileged", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"adds ALL", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [ALL]}}}]}}`, AddsAllCapabilities},
	{"adds CAP_ALL", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [CAP_ALL]}}}]}}`, Unset},
	{"adds all", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [NET_RAW, all]}}}]}}`, AddsAllCapabilities},
	{"adds one", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`, Unset},
	{"privileged and adds ALL", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true, capabilities: {add: [ALL]}}}]}}`, Privileged},

	{"privileged", "seccompProfile", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"annotated unconfined", "seccompProfile", ContainerLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, LegacyAnnotation},
	{"annotated localhost", "seccompProfile", ContainerLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/x.json}}, spec: {containers: [{name: app}]}}`, LegacyAnnotation},
	{"annotated runtime/default", "seccompProfile", ContainerLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: runtime/default}}, spec: {containers: [{name: app}]}}`, Unset},
	{"annotated docker/default", "seccompProfile", ContainerLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: docker/default}}, spec: {containers: [{name: app}]}}`, Unset},
	{"another is annotated", "seccompProfile", ContainerLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app2}]}}`, Unset},
	{"the pod is annotated", "seccompProfile", ContainerLevel, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{name: app}]}}`, Unset},

	{"the pod is annotated unconfined", "seccompProfile", PodLevel, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{}]}}`, LegacyAnnotation},
	{"the pod is annotated runtime/default", "seccompProfile", PodLevel, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default}}, spec: {containers: [{}]}}`, Unset},
	{"a container is annotated", "seccompProfile", PodLevel, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, Unset},
	{"all are privileged", "seccompProfile", PodLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"one of two is privileged", "seccompProfile", PodLevel, `{spec: {containers: [{securityContext: {privileged: true}}, {}]}}`, Unset},
	{"no containers", "seccompProfile", PodLevel, `{spec: {}}`, Unset},

	{"privileged", "appArmorProfile", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"annotated unconfined", "appArmorProfile", ContainerLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, LegacyAnnotation},
	{"annotated runtime/default", "appArmorProfile", ContainerLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: runtime/default}}, spec: {containers: [{name: app}]}}`, LegacyAnnotation},
	{"another is annotated", "appArmorProfile", ContainerLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{name: other}]}}`, Unset},
	{"one is annotated unconfined", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{}, {name: app}]}}`, Unset},
	{"one is annotated runtime/default", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: runtime/default}}, spec: {containers: [{}, {name: app}]}}`, Unset},
	{"one is annotated with a profile", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/x}}, spec: {containers: [{}, {name: app}]}}`, Unset},
	{"one is annotated with no profile", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/}}, spec: {containers: [{}, {name: app}]}}`, LegacyAnnotation},
	{"one is annotated with a profile that is padded", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/ x}}, spec: {containers: [{}, {name: app}]}}`, LegacyAnnotation},
	{"one with its own is annotated", "appArmorProfile", PodLevel, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/ x}}, spec: {containers: [{}, {name: app, securityContext: {appArmorProfile: {type: RuntimeDefault}}}]}}`, Unset},
	{"all are privileged", "appArmorProfile", PodLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Privileged},
	{"one of two is privileged", "appArmorProfile", PodLevel, `{spec: {containers: [{}, {securityContext: {privileged: true}}]}}`, Unset},

	{"hostNetwork", "sysctls", PodLevel, `{spec: {hostNetwork: true, containers: [{}]}}`, SharesHostNamespaces},
	{"hostIPC", "sysctls", PodLevel, `{spec: {hostIPC: true, containers: [{}]}}`, SharesHostNamespaces},
	{"the host's users", "sysctls", PodLevel, `{spec: {hostUsers: true, containers: [{}]}}`, Unset},
	{"hostPID", "sysctls", PodLevel, `{spec: {hostPID: true, containers: [{}]}}`, Unset},

	{"adds NET_RAW", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [NET_RAW]}}}]}}`, AddsWhatIsDropped},
	{"adds cap_net_raw", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [cap_net_raw]}}}]}}`, AddsWhatIsDropped},
	{"adds net_raw", "capabilities.drop", ContainerLevel, `{spec: {containers: [{securityContext: {capabilities: {add: [net_raw]}}}]}}`, AddsWhatIsDropped},

	{"hostUsers: false", "runAsUser", ContainerLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: true", "runAsUser", ContainerLevel, `{spec: {hostUsers: true, containers: [{}]}}`, Unset},
	{"hostUsers: false", "runAsUser", PodLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: false, and another user in every container", "runAsUser", PodLevel, `{spec: {hostUsers: false, containers: [{securityContext: {runAsUser: 5}}]}}`, BeyondUserNamespace},
	{"hostUsers: false", "runAsGroup", ContainerLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: false", "runAsGroup", PodLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: true", "runAsGroup", PodLevel, `{spec: {hostUsers: true, containers: [{}]}}`, Unset},
	{"hostUsers: false", "fsGroup", PodLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: true", "fsGroup", PodLevel, `{spec: {hostUsers: true, containers: [{}]}}`, Unset},
	{"hostUsers: false", "supplementalGroups", PodLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},
	{"hostUsers: true", "supplementalGroups", PodLevel, `{spec: {hostUsers: true, containers: [{}]}}`, Unset},

	{"another's label", "seLinuxOptions", ContainerLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c9"}}}, {}]}}`, OtherSELinuxOptions},
	{"another's equal label", "seLinuxOptions", ContainerLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}, {}]}}`, Unset},
	{"two others' labels, the first of them equal", "seLinuxOptions", ContainerLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}, {securityContext: {seLinuxOptions: {level: "s0:c9"}}}, {}]}}`, OtherSELinuxOptions},
	{"two others' labels, the last of them equal", "seLinuxOptions", ContainerLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c9"}}}, {securityContext: {seLinuxOptions: {level: "s0:c9"}}}, {securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}, {}]}}`, OtherSELinuxOptions},
	{"two others' equal labels", "seLinuxOptions", ContainerLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}, {securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}, {}]}}`, Unset},
	{"a container's label", "seLinuxOptions", PodLevel, `{spec: {initContainers: [{securityContext: {seLinuxOptions: {type: container_t}}}], containers: [{}]}}`, OtherSELinuxOptions},
	// Nobody inherits it yet, but a container that is added later would.
	{"another label on every container", "seLinuxOptions", PodLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {type: container_t}}}]}}`, OtherSELinuxOptions},
	{"every container's equal label", "seLinuxOptions", PodLevel, `{spec: {containers: [{securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}}]}}`, Unset},

	{"hostUsers: false", "sysctls", PodLevel, `{spec: {hostUsers: false, containers: [{}]}}`, BeyondUserNamespace},

	{"a HostProcess container", "windowsOptions", PodLevel, `{spec: {os: {name: windows}, containers: [{securityContext: {windowsOptions: {hostProcess: true}}}]}}`, HostProcess},
	{"a container of another user", "windowsOptions", PodLevel, `{spec: {os: {name: windows}, containers: [{securityContext: {windowsOptions: {runAsUserName: x}}}]}}`, Unset},

	// What may look like a conflict and is none.
	{"runAsNonRoot: false", "runAsUser", ContainerLevel, `{spec: {containers: [{securityContext: {runAsNonRoot: false}}]}}`, Unset},
	{"privileged", "runAsUser", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Unset},
	{"privileged", "readOnlyRootFilesystem", ContainerLevel, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, Unset},
	{"hostUsers: false", "runAsNonRoot", ContainerLevel, `{spec: {hostUsers: false, containers: [{}]}}`, Unset},
}

func TestConflicts(t *testing.T) {
	both := mustParseProfile(t, everything)
	atPod := *both
	atPod.Container = nil // what containers get themselves they do not inherit
	for _, tt := range conflictCases {
		t.Run(fmt.Sprintf("%s/%d/%s", tt.field, tt.level, tt.name), func(t *testing.T) {
			pod := mustParsePod(t, tt.pod)
			profile, c := &atPod, (*Container)(nil)
			if tt.level == ContainerLevel {
				profile, c = both, &pod.Containers[len(pod.Containers)-1]
			}
			if d := decisionOn(t, profile, pod, c, tt.field); d.Reason != tt.want {
				t.Errorf("reason %q, want %q", d.Reason, tt.want)
			}
		})
	}
}

// Whether a conflict concerns a value at all depends on what a profile says.
func TestConflictsOfOtherValues(t *testing.T) {
	for _, tt := range []struct {
		name, field, profile, pod string
		level                     Level
		want                      Reason
	}{
		{"a drop of one capability has an effect beside ALL", "capabilities.drop", `container: {capabilities: {drop: [NET_RAW]}}`, `{spec: {containers: [{securityContext: {capabilities: {add: [ALL]}}}]}}`, ContainerLevel, Unset},
		{"a drop of another capability than is added", "capabilities.drop", `container: {capabilities: {drop: [NET_RAW]}}`, `{spec: {containers: [{securityContext: {capabilities: {add: [CHOWN]}}}]}}`, ContainerLevel, Unset},
		{"a user that every user namespace has", "runAsUser", `container: {runAsUser: 65535}`, `{spec: {hostUsers: false, containers: [{}]}}`, ContainerLevel, Unset},
		{"one group of several beyond", "supplementalGroups", `pod: {supplementalGroups: [1, 65536]}`, `{spec: {hostUsers: false, containers: [{}]}}`, PodLevel, BeyondUserNamespace},
		{"a drop of one capability", "capabilities.drop", `container: {capabilities: {drop: [NET_RAW]}}`, `{spec: {containers: [{securityContext: {privileged: true}}]}}`, ContainerLevel, Privileged},
		{"the same localhost profile", "seccompProfile", `container: {seccompProfile: {type: Localhost, localhostProfile: x.json}}`, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/x.json}}, spec: {containers: [{name: app}]}}`, ContainerLevel, Unset},
		{"another localhost profile", "seccompProfile", `container: {seccompProfile: {type: Localhost, localhostProfile: y.json}}`, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/x.json}}, spec: {containers: [{name: app}]}}`, ContainerLevel, LegacyAnnotation},
		{"no net.* on the host's network", "sysctls", `pod: {sysctls: [{name: kernel.shm_rmid_forced, value: "1"}]}`, `{spec: {hostNetwork: true, containers: [{}]}}`, PodLevel, Unset},
		{"groups that every user namespace has", "sysctls", `pod: {sysctls: [{name: net.ipv4.ping_group_range, value: "0 65535"}]}`, `{spec: {hostUsers: false, containers: [{}]}}`, PodLevel, Unset},
		{"another sysctl in a user namespace", "sysctls", `pod: {sysctls: [{name: net.ipv4.ip_local_reserved_ports, value: "65536"}]}`, `{spec: {hostUsers: false, containers: [{}]}}`, PodLevel, Unset},
		{"no IPC on the host's IPC", "sysctls", `pod: {sysctls: [{name: net.ipv4.tcp_syncookies, value: "1"}]}`, `{spec: {hostIPC: true, containers: [{}]}}`, PodLevel, Unset},
	} {
		t.Run(tt.name, func(t *testing.T) {
			profile := mustParseProfile(t, "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: x}\nspec: {"+tt.profile+"}")
			pod := mustParsePod(t, tt.pod)
			c := (*Container)(nil)
			if tt.level == ContainerLevel {
				c = &pod.Containers[0]
			}
			if d := decisionOn(t, profile, pod, c, tt.field); d.Reason != tt.want {
				t.Errorf("reason %q, want %q", d.Reason, tt.want)
			}
		})
	}
}

// Every conflict of the catalogue has a case in which it holds, and its field a
// near miss.
func TestEveryConflictHasItsCases(t *testing.T) {
	profile := mustParseProfile(t, everything)
	for _, f := range Fields() {
		for i := range f.Conflicts {
			conflict := &f.Conflicts[i]
			held, missed := false, false
			for _, tt := range conflictCases {
				if tt.field != f.Name {
					continue
				}
				pod, d := mustParsePod(t, tt.pod), find(t, profile, tt.level, tt.field)
				if tt.level == PodLevel {
					held = held || conflict.HoldsAtPodLevel(f, pod, d.Value)
				} else if conflict.InContainer != nil {
					held = held || conflict.InContainer(pod, &pod.Containers[len(pod.Containers)-1], d.Value)
				}
				missed = missed || tt.want == Unset
			}
			if !held || !missed {
				t.Errorf("%s, conflict %d (%s): has a case: %t, has a near miss: %t", f.Name, i, conflict.Reason, held, missed)
			}
		}
	}
}

func find(t *testing.T, p *Profile, level Level, field string) Default {
	t.Helper()
	defaults := p.Container
	if level == PodLevel {
		defaults = p.Pod
	}
	for _, d := range defaults {
		if d.Field.Name == field {
			return d
		}
	}
	t.Fatalf("profile %s has no default for %s at level %d", p.Name, field, level)
	return Default{}
}
