// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

// A conflictCase is a pod in a namespace without a webhook, in one that enforces a
// profile, and in one where the naive webhook fills in the same profile. Where it has no
// reason it is a near miss, which comes out as with the naive webhook.
type conflictCase struct {
	on                     string // what the node must be, if not any; see nodeProperties
	field, reason, profile string
	pod                    string // its first container is app, and all are the probe
	plain, ours, naive     outcome
}

// namespaces are where the pod is to be plain, ours and naive.
func (tt conflictCase) namespaces() [3]string {
	return [3]string{"conflicts-plain", "conflicts-" + tt.profile, "conflicts-naive-" + tt.profile}
}

// What the kernel says of a container: a80425fb are the fourteen capabilities that
// containerd gives by default.
const (
	root                = "Uid=0 CapEff=a80425fb CapBnd=a80425fb NoNewPrivs=0 Seccomp=0 /=ok"
	readOnly            = "Uid=0 CapEff=a80425fb CapBnd=a80425fb NoNewPrivs=0 Seccomp=0 /=EROFS"
	almighty            = "Uid=0 CapEff=all CapBnd=all NoNewPrivs=0 Seccomp=0 /=ok"
	almightyRO          = "Uid=0 CapEff=all CapBnd=all NoNewPrivs=0 Seccomp=0 /=EROFS"
	nothingLeft         = "Uid=0 CapEff=0 CapBnd=0 NoNewPrivs=0 Seccomp=0 /=EROFS"
	hardened            = "Uid=10001 CapEff=0 CapBnd=0 NoNewPrivs=1 Seccomp=2 /=EROFS"
	hardenedRoot        = "Uid=0 CapEff=0 CapBnd=0 NoNewPrivs=1 Seccomp=2 /=EROFS"
	imageUser           = "Uid=1234 CapEff=0 CapBnd=a80425fb NoNewPrivs=0 Seccomp=0 /=EACCES"
	imageUserRestricted = "Uid=1234 CapEff=0 CapBnd=0 NoNewPrivs=1 Seccomp=2 /=EACCES"
	lastUser            = "Uid=65535 CapEff=0 CapBnd=a80425fb NoNewPrivs=0 Seccomp=0 /=EROFS"
)

// Who refuses a pod, in their words.
const (
	breaksNonRoot  = "kubelet: CreateContainerConfigError: container's runAsUser breaks non-root policy…"
	noUsers        = "sandbox: Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces"
	noAppArmor     = "kubelet: AppArmor: Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host"
	seccompField   = "API server: …: Forbidden: seccomp type in annotation and field must match"
	appArmorField  = "API server: …: Forbidden: apparmor type in annotation and field must match"
	groupAlone     = `sandbox: Failed to create pod sandbox: …user group "10001" is specified without user…`
	setGroups      = "runtime: StartError: …: unable to setup user: setgroups: invalid argument"
	noSuchID       = "runtime: StartError: …: container ID 65536 cannot be mapped to a host ID"
	escalationPair = "API server: …: cannot set `allowPrivilegeEscalation` to false and "
)

var conflictCases = map[string]conflictCase{
	"escalation-privileged": {
		field: "allowPrivilegeEscalation", reason: "privileged", profile: "hardened",
		pod:   `spec: {containers: [{securityContext: {privileged: true, runAsUser: 0}}]}`,
		plain: almighty, ours: almightyRO, naive: escalationPair + "`privileged` to true",
	},
	// In the end containerd makes CAP_CAP_SYS_ADMIN of it, which means nothing to runc.
	"escalation-cap-sys-admin": {
		field: "allowPrivilegeEscalation", reason: "adds-cap-sys-admin", profile: "hardened",
		pod:   `spec: {containers: [{securityContext: {runAsUser: 0, capabilities: {add: [CAP_SYS_ADMIN]}}}]}`,
		plain: root, ours: "Uid=0 CapEff=0 CapBnd=0 NoNewPrivs=0 Seccomp=2 /=EROFS",
		naive: escalationPair + "`capabilities.Add` CAP_SYS_ADMIN",
	},
	"escalation-sys-admin": {
		profile: "hardened",
		pod:     `spec: {containers: [{securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}`,
		plain:   "Uid=0 CapEff=a82425fb CapBnd=a82425fb NoNewPrivs=0 Seccomp=0 /=ok",
		ours:    "Uid=10001 CapEff=0 CapBnd=200000 NoNewPrivs=1 Seccomp=2 /=EROFS",
		naive:   "Uid=10001 CapEff=0 CapBnd=200000 NoNewPrivs=1 Seccomp=2 /=EROFS",
	},

	// Where AppArmor is, a privileged container runs unconfined; elsewhere the kubelet
	// refuses a pod that asks for it, be it privileged or not.
	"app-armor-privileged": {
		on: "without AppArmor", field: "appArmorProfile", reason: "privileged", profile: "app-armor",
		pod:   `spec: {containers: [{securityContext: {privileged: true}}]}`,
		plain: almighty, ours: almightyRO, naive: noAppArmor,
	},
	"app-armor-annotated": {
		field: "appArmorProfile", reason: "legacy-annotation", profile: "app-armor",
		pod:   `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}, spec: {containers: [{}]}}`,
		plain: root, ours: readOnly, naive: appArmorField,
	},
	// An annotation that makes no valid field is one that asks for AppArmor.
	"app-armor-pod-annotated": {
		on: "without AppArmor", field: "appArmorProfile", reason: "legacy-annotation", profile: "app-armor-pod",
		pod:   `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: "localhost/ padded"}}, spec: {containers: [{}]}}`,
		plain: noAppArmor, ours: noAppArmor, naive: appArmorField,
	},

	// This one would do no harm, and have no effect.
	"drop-privileged": {
		field: "capabilities.drop", reason: "privileged", profile: "drop-all",
		pod:   `spec: {containers: [{securityContext: {privileged: true}}]}`,
		plain: almighty, ours: almightyRO, naive: almightyRO,
	},
	"drop-adds-all": {
		field: "capabilities.drop", reason: "adds-all-capabilities", profile: "drop-all",
		pod:   `spec: {containers: [{securityContext: {capabilities: {add: [ALL]}}}]}`,
		plain: almighty, ours: almightyRO, naive: nothingLeft,
	},
	"drop-adds-net-raw": {
		field: "capabilities.drop", reason: "adds-what-is-dropped", profile: "drop-two",
		pod:   `spec: {containers: [{securityContext: {capabilities: {add: [net_raw]}}}]}`,
		plain: root, ours: readOnly, naive: "Uid=0 CapEff=a00405fb CapBnd=a00405fb NoNewPrivs=0 Seccomp=0 /=EROFS",
	},
	"drop-adds-net-admin": {
		profile: "drop-all",
		pod:     `spec: {containers: [{securityContext: {capabilities: {add: [NET_ADMIN]}}}]}`,
		plain:   "Uid=0 CapEff=a80435fb CapBnd=a80435fb NoNewPrivs=0 Seccomp=0 /=ok",
		ours:    "Uid=0 CapEff=1000 CapBnd=1000 NoNewPrivs=0 Seccomp=0 /=EROFS",
		naive:   "Uid=0 CapEff=1000 CapBnd=1000 NoNewPrivs=0 Seccomp=0 /=EROFS",
	},
	// So spelt an added capability means nothing to containerd and runc, and is there
	// without us only as one of those by default: a hazard, default-capabilities-lost.
	"drop-adds-cap-net-bind-service": {
		profile: "drop-all",
		pod:     `spec: {containers: [{securityContext: {capabilities: {add: [CAP_NET_BIND_SERVICE]}}}]}`,
		plain:   root, ours: nothingLeft, naive: nothingLeft,
	},
	"drop-adds-cap-net-admin": {
		profile: "drop-all",
		pod:     `spec: {containers: [{securityContext: {capabilities: {add: [CAP_NET_ADMIN]}}}]}`,
		plain:   root, ours: nothingLeft, naive: nothingLeft,
	},
	"drop-adds-cap-all": {
		profile: "drop-all",
		pod:     `spec: {containers: [{securityContext: {capabilities: {add: [CAP_ALL]}}}]}`,
		plain:   root, ours: nothingLeft, naive: nothingLeft,
	},
	"drop-adds-cap-net-raw": {
		field: "capabilities.drop", reason: "adds-what-is-dropped", profile: "drop-two",
		pod:   `spec: {containers: [{securityContext: {capabilities: {add: [CAP_NET_RAW]}}}]}`,
		plain: root, ours: readOnly, naive: "Uid=0 CapEff=a00405fb CapBnd=a00405fb NoNewPrivs=0 Seccomp=0 /=EROFS",
	},

	"group-alone": {
		field: "runAsGroup", reason: "group-without-user", profile: "group-pod",
		pod:   `spec: {containers: [{}]}`,
		plain: root, ours: readOnly, naive: groupAlone,
	},

	"non-root-root": {
		field: "runAsNonRoot", reason: "runs-as-root", profile: "hardened",
		pod:   `spec: {containers: [{securityContext: {runAsUser: 0}}]}`,
		plain: root, ours: hardenedRoot, naive: breaksNonRoot,
	},
	"non-root-root-of-pod": {
		field: "runAsNonRoot", reason: "runs-as-root", profile: "hardened",
		pod:   `spec: {securityContext: {runAsUser: 0}, containers: [{}]}`,
		plain: root, ours: hardenedRoot, naive: breaksNonRoot,
	},
	"non-root-pod-root": {
		field: "runAsNonRoot", reason: "runs-as-root", profile: "non-root-pod",
		pod:   `spec: {containers: [{securityContext: {runAsUser: 0}}]}`,
		plain: root, ours: readOnly, naive: breaksNonRoot,
	},
	"non-root-false": {
		profile: "hardened",
		pod:     `spec: {containers: [{securityContext: {runAsNonRoot: false}}]}`,
		plain:   root, ours: hardened, naive: hardened,
	},
	"non-root-image-user": {
		profile: "hardened",
		pod:     `spec: {containers: [{image: ` + ownedName + `}]}`,
		plain:   imageUser, ours: hardened, naive: hardened,
	},
	"non-root-image-user-restricted": {
		profile: "restricted",
		pod:     `spec: {containers: [{image: ` + ownedName + `}]}`,
		plain:   imageUser, ours: imageUserRestricted, naive: imageUserRestricted,
	},

	// Containerd leaves labels away where there is no SELinux.
	"se-linux-another": {
		on: "without SELinux", field: "seLinuxOptions", reason: "other-selinux-options", profile: "se-linux",
		pod:   `spec: {containers: [{}, {name: other, securityContext: {seLinuxOptions: {level: "s0:c9"}}}]}`,
		plain: root, ours: readOnly, naive: readOnly,
	},

	// This one would do no harm, and have no effect.
	"seccomp-privileged": {
		field: "seccompProfile", reason: "privileged", profile: "seccomp",
		pod:   `spec: {containers: [{securityContext: {privileged: true}}]}`,
		plain: almighty, ours: almightyRO, naive: almightyRO,
	},
	"seccomp-annotated": {
		field: "seccompProfile", reason: "legacy-annotation", profile: "seccomp",
		pod:   `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{}]}}`,
		plain: root, ours: readOnly, naive: seccompField,
	},
	"seccomp-pod-annotated": {
		field: "seccompProfile", reason: "legacy-annotation", profile: "seccomp-pod",
		pod:   `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{}]}}`,
		plain: root, ours: readOnly, naive: seccompField,
	},

	"sysctls-host-network": {
		field: "sysctls", reason: "host-namespace", profile: "sysctls",
		pod:   `spec: {hostNetwork: true, containers: [{}]}`,
		plain: root, ours: readOnly,
		naive: `API server: …: Invalid value: "net.ipv4.tcp_syncookies": may not be specified when 'hostNetwork' is true`,
	},
	"sysctls-host-ipc": {
		field: "sysctls", reason: "host-namespace", profile: "sysctls",
		pod:   `spec: {hostIPC: true, containers: [{}]}`,
		plain: root, ours: readOnly,
		naive: `API server: …: Invalid value: "kernel.shm_rmid_forced": may not be specified when 'hostIPC' is true`,
	},

	// runc can do it since 1.2.
	"users-none": {
		on: "without user namespaces", profile: "hardened",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: noUsers, ours: noUsers, naive: noUsers,
	},
	"users": {
		on: "with user namespaces", profile: "hardened",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: hardened, naive: hardened,
	},
	"users-fs-group": {
		on: "with user namespaces", field: "fsGroup", reason: "beyond-user-namespace", profile: "fs-group",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: readOnly, naive: setGroups,
	},
	"users-group": {
		on: "with user namespaces", field: "runAsGroup", reason: "beyond-user-namespace", profile: "group",
		pod:   `spec: {hostUsers: false, containers: [{securityContext: {runAsUser: 0}}]}`,
		plain: root, ours: readOnly, naive: noSuchID,
	},
	"users-groups": {
		on: "with user namespaces", field: "supplementalGroups", reason: "beyond-user-namespace", profile: "groups",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: readOnly, naive: setGroups,
	},
	"users-ping": {
		on: "with user namespaces", field: "sysctls", reason: "beyond-user-namespace", profile: "ping",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: readOnly,
		naive: "sandbox: Failed to create pod sandbox: …: write /proc/sys/net/ipv4/ping_group_range: invalid argument",
	},
	"users-user": {
		on: "with user namespaces", field: "runAsUser", reason: "beyond-user-namespace", profile: "user",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: readOnly, naive: noSuchID,
	},
	"users-user-last": {
		on: "with user namespaces", profile: "user-last",
		pod:   `spec: {hostUsers: false, containers: [{}]}`,
		plain: root, ours: lastUser, naive: lastUser,
	},
}

// unseen are the conflicts that no pod can show on a node of Linux, with the reason. Of
// runAsNonRoot it is one of two: that of ContainerAdministrator.
var unseen = map[string]string{
	"windowsOptions host-process": "the node is not for Windows",
}
