// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/product/reference"
)

// Who keeps a pod from running that has the value filled in regardless.
type refuser string

const (
	apiServer refuser = "the API server"
	kubelet   refuser = "the kubelet" // by its own functions
	runtime   refuser = "a container runtime, which is not here"
	seLinux   refuser = "the kubelet, on a node that has SELinux and mounts volumes with it, which is not here"
	nobody    refuser = "nobody: it would have no effect, or contradict what the author asked for"
)

// The conflicts of every field, each with a profile that has only that default, and
// near misses, whose reason is empty. The decision is about the container app, or the
// pod.
var ownConflictCases = map[string]struct {
	field, value string
	pod          bool   // the default is at pod level
	manifest     string // of the pod
	reason       string
	naive        refuser
}{
	"escalation: privileged":      {"allowPrivilegeEscalation", `false`, false, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", apiServer},
	"escalation: CAP_SYS_ADMIN":   {"allowPrivilegeEscalation", `false`, false, `spec: {containers: [{name: app, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}]}`, "adds-cap-sys-admin", apiServer},
	"AppArmor: privileged":        {"appArmorProfile", `{type: RuntimeDefault}`, false, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", nobody},
	"AppArmor: annotated":         {"appArmorProfile", `{type: RuntimeDefault}`, false, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"AppArmor: another profile":   {"appArmorProfile", `{type: Localhost, localhostProfile: k8s-nginx}`, false, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/other}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"AppArmor: all privileged":    {"appArmorProfile", `{type: RuntimeDefault}`, true, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", nobody},
	"AppArmor: annotated, on pod": {"appArmorProfile", `{type: RuntimeDefault}`, true, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}, {name: helper}]}}`, "", ""},
	// An annotation that makes no valid field stays one, and what the container inherits disagrees with it.
	"AppArmor: annotated badly, on pod": {"appArmorProfile", `{type: RuntimeDefault}`, true, `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: "localhost/ padded"}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"drop: privileged":                  {"capabilities.drop", `[ALL]`, false, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", nobody},
	"drop: adds ALL":                    {"capabilities.drop", `[ALL]`, false, `spec: {containers: [{name: app, securityContext: {capabilities: {add: [ALL]}}}]}`, "adds-all-capabilities", nobody},
	"drop: adds NET_RAW":                {"capabilities.drop", `[NET_RAW, MKNOD]`, false, `spec: {containers: [{name: app, securityContext: {capabilities: {add: [net_raw]}}}]}`, "adds-what-is-dropped", nobody},
	"drop: adds CHOWN":                  {"capabilities.drop", `[NET_RAW, MKNOD]`, false, `spec: {containers: [{name: app, securityContext: {capabilities: {add: [CHOWN]}}}]}`, "", ""},
	"fsGroup: user namespace":           {"fsGroup", `2147483647`, true, `spec: {hostUsers: false, containers: [{name: app}]}`, "beyond-user-namespace", runtime},
	"fsGroup: in the user namespace":    {"fsGroup", `1`, true, `spec: {hostUsers: false, containers: [{name: app}]}`, "", ""},
	"group: user namespace":             {"runAsGroup", `2147483647`, false, `spec: {hostUsers: false, containers: [{name: app}]}`, "beyond-user-namespace", runtime},
	"group: without user":               {"runAsGroup", `1`, true, `spec: {containers: [{name: app}]}`, "group-without-user", runtime},
	"group: in the container":           {"runAsGroup", `1`, false, `spec: {containers: [{name: app}]}`, "", ""},
	"user: user namespace":              {"runAsUser", `2147483647`, false, `spec: {hostUsers: false, containers: [{name: app}]}`, "beyond-user-namespace", runtime},
	"user: in the user namespace":       {"runAsUser", `10001`, false, `spec: {hostUsers: false, containers: [{name: app}]}`, "", ""},
	"groups: user namespace":            {"supplementalGroups", `[1, 2147483647]`, true, `spec: {hostUsers: false, containers: [{name: app}]}`, "beyond-user-namespace", runtime},

	"non-root: root":                   {"runAsNonRoot", `true`, false, `spec: {containers: [{name: app, securityContext: {runAsUser: 0}}]}`, "runs-as-root", kubelet},
	"non-root: root on the pod":        {"runAsNonRoot", `true`, false, `spec: {securityContext: {runAsUser: 0}, containers: [{name: app}]}`, "runs-as-root", kubelet},
	"non-root: one is root":            {"runAsNonRoot", `true`, true, `spec: {containers: [{name: app, securityContext: {runAsUser: 0}}, {name: helper}]}`, "runs-as-root", kubelet},
	"non-root: root decides":           {"runAsNonRoot", `true`, true, `spec: {containers: [{name: app, securityContext: {runAsUser: 0, runAsNonRoot: false}}, {name: helper}]}`, "", ""},
	"non-root: administrator":          {"runAsNonRoot", `true`, false, `spec: {os: {name: windows}, containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: containerADMINISTRATOR}}}]}`, "runs-as-root", kubelet},
	"non-root: administrator, on pod":  {"runAsNonRoot", `true`, true, `spec: {os: {name: windows}, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}, containers: [{name: app}]}`, "runs-as-root", kubelet},
	"non-root: user of Windows":        {"runAsNonRoot", `true`, true, `spec: {os: {name: windows}, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}, containers: [{name: app}]}`, "", ""},
	"seccomp: privileged":              {"seccompProfile", `{type: RuntimeDefault}`, false, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", nobody},
	"seccomp: annotated":               {"seccompProfile", `{type: RuntimeDefault}`, false, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"seccomp: annotated docker":        {"seccompProfile", `{type: RuntimeDefault}`, false, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: docker/default}}, spec: {containers: [{name: app}]}}`, "", ""},
	"seccomp: another file":            {"seccompProfile", `{type: Localhost, localhostProfile: profiles/audit.json}`, false, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/other.json}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"seccomp: the same file":           {"seccompProfile", `{type: Localhost, localhostProfile: profiles/audit.json}`, false, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/profiles/audit.json}}, spec: {containers: [{name: app}]}}`, "", ""},
	"seccomp: pod annotated":           {"seccompProfile", `{type: RuntimeDefault}`, true, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{name: app}]}}`, "legacy-annotation", apiServer},
	"seccomp: pod annotated the same":  {"seccompProfile", `{type: RuntimeDefault}`, true, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default}}, spec: {containers: [{name: app}]}}`, "", ""},
	"seccomp: pod annotated elsewhere": {"seccompProfile", `{type: RuntimeDefault}`, false, `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{name: app}]}}`, "", ""},
	"seccomp: all privileged":          {"seccompProfile", `{type: RuntimeDefault}`, true, `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, "privileged", nobody},
	"seccomp: annotated, on pod":       {"seccompProfile", `{type: RuntimeDefault}`, true, `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, "", ""},
	"sysctls: host network":            {"sysctls", `[{name: net.ipv4.ip_local_port_range, value: "1024 65535"}, {name: net.ipv4.tcp_syncookies, value: "0"}]`, true, `spec: {hostNetwork: true, containers: [{name: app}]}`, "host-namespace", apiServer},
	"sysctls: user namespace":          {"sysctls", `[{name: net.ipv4.ip_unprivileged_port_start, value: "0"}, {name: net.ipv4.ping_group_range, value: "0 2147483647"}]`, true, `spec: {hostUsers: false, containers: [{name: app}]}`, "beyond-user-namespace", runtime},
	"SELinux: another label":           {"seLinuxOptions", `{level: "s0-s1:c0.c1023"}`, false, `spec: {containers: [{name: app}, {name: helper, securityContext: {seLinuxOptions: {level: s0}}}]}`, "other-selinux-options", seLinux},
	"SELinux: the same label":          {"seLinuxOptions", `{level: "s0-s1:c0.c1023"}`, false, `spec: {containers: [{name: app}, {name: helper, securityContext: {seLinuxOptions: {level: "s0-s1:c0.c1023"}}}]}`, "", ""},
	"SELinux: another, on pod":         {"seLinuxOptions", `{level: "s0-s1:c0.c1023"}`, true, `spec: {containers: [{name: app}, {name: helper, securityContext: {seLinuxOptions: {level: s0}}}]}`, "other-selinux-options", seLinux},
	"sysctls: host IPC":                {"sysctls", `[{name: kernel.shm_rmid_forced, value: "1"}]`, true, `spec: {hostIPC: true, containers: [{name: app}]}`, "host-namespace", apiServer},
	"sysctls: IPC on host network":     {"sysctls", `[{name: kernel.shm_rmid_forced, value: "1"}]`, true, `spec: {hostNetwork: true, hostPID: true, containers: [{name: app}]}`, "", ""},
	"sysctls: net on host IPC":         {"sysctls", `[{name: net.ipv4.ip_local_port_range, value: "1024 65535"}, {name: net.ipv4.tcp_syncookies, value: "0"}]`, true, `spec: {hostIPC: true, hostPID: true, containers: [{name: app}]}`, "", ""},
	"Windows: HostProcess":             {"windowsOptions", `{gmsaCredentialSpecName: web, hostProcess: false}`, true, `spec: {os: {name: windows}, hostNetwork: true, containers: [{name: app, securityContext: {windowsOptions: {hostProcess: true}}}]}`, "host-process", apiServer},
	"Windows: HostProcess and a user":  {"windowsOptions", `{runAsUserName: ContainerUser}`, true, `spec: {os: {name: windows}, hostNetwork: true, containers: [{name: app, securityContext: {windowsOptions: {hostProcess: true}}}]}`, "host-process", runtime},
}

// Every conflict of the reference's table has a case here.
func TestEveryConflictHasACase(t *testing.T) {
	rows, err := reference.Conflicts() // how many, by field and reason
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 15 {
		t.Errorf("the reference's table has %d conflicts: is it read as it should be?", len(rows))
	}
	for _, tt := range ownConflictCases {
		rows[reference.Conflict{Field: tt.field, Reason: tt.reason}]--
	}
	for row, n := range rows {
		if n > 0 {
			t.Errorf("%s, %s: %d conflicts more than cases", row.Field, row.Reason, n)
		}
	}
}

// Where a conflict holds the value is skipped, so that the pod stays as it would be
// without us; and the API server or the kubelet would refuse it otherwise.
func TestOwnConflicts(t *testing.T) {
	withOwnProfiles(t)
	plain := newNamespace(t, nil)
	for name, tt := range ownConflictCases {
		t.Run(name, func(t *testing.T) {
			p := profileOf(t, tt.field, tt.value, tt.pod)
			object := podObject(t, tt.manifest)
			naive := setField(t, object, tt.field, tt.value, tt.pod)
			refusal := refusal(t, plain, naive)
			if (refusal != nil) != (tt.naive == apiServer) {
				t.Errorf("a naive webhook's pod is refused by %q, and the API server says: %v", tt.naive, refusal)
			}
			if got := refusedByKubelet(typed(t, naive)); got != (tt.naive == kubelet) {
				t.Errorf("a naive webhook's pod is refused by %q; by the kubelet: %v", tt.naive, got)
			}

			manager := unique("own-conflict")
			admitted := stored(t, newEnforced(t, p.name), object, manager)
			if refusedByKubelet(typed(t, admitted)) {
				t.Error("the kubelet would not start the pod")
			}
			want := stored(t, plain, object, "")
			wantSkipped := map[string]map[string]string{}
			if tt.reason == "" {
				want = stored(t, plain, naive, "")
			} else if tt.pod {
				wantSkipped[""] = map[string]string{tt.field: tt.reason}
			} else {
				wantSkipped["app"] = map[string]string{tt.field: tt.reason}
			}
			sameSpec(t, "admitted", want, admitted)
			if diff := cmp.Diff(wantSkipped, skippedIn(t, auditAnnotations(t, manager)["enforce-"+p.name+".caseharden.io/skipped"])); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

// skippedIn reads an audit annotation: reasons by container and field; those of the
// pod are under "".
func skippedIn(t *testing.T, record string) map[string]map[string]string {
	t.Helper()
	if record == "" {
		return map[string]map[string]string{}
	}
	var skipped struct {
		Containers map[string]map[string]string
		Pod        map[string]string
	}
	if err := json.Unmarshal([]byte(record), &skipped); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for name, reasons := range skipped.Containers {
		all[name] = reasons
	}
	if len(skipped.Pod) > 0 {
		all[""] = skipped.Pod
	}
	return all
}

// refusal returns why the API server does not take a pod; nil if it does.
func refusal(t *testing.T, namespace string, object map[string]any) error {
	t.Helper()
	_, err := submit(t.Context(), namespace, object, dryRun(""))
	if err == nil {
		return nil
	}
	if !strings.Contains(err.Error(), `"reason":"Invalid"`) {
		t.Fatalf("the API server refuses the pod, and not because it is invalid: %v", err)
	}
	return err
}
