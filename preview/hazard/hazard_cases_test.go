// SPDX-License-Identifier: Apache-2.0

package hazard

// Profiles of one's own, each with what some hazard is about.
const (
	withAppArmor = `container: {appArmorProfile: {type: RuntimeDefault}}`
	withLocal    = `container: {appArmorProfile: {type: Localhost, localhostProfile: tight}, seccompProfile: {type: Localhost, localhostProfile: profiles/audit.json}}`
	withDropAll  = `container: {capabilities: {drop: [ALL]}}`
	withDropRaw  = `container: {capabilities: {drop: [NET_RAW]}}`
	withNoSetuid = `container: {allowPrivilegeEscalation: false}`
	withGroup    = `container: {runAsUser: 10001, runAsGroup: 10001}`
	withFSGroup  = `{container: {runAsUser: 10001}, pod: {fsGroup: 2000}}`
	withQuickFS  = `pod: {fsGroup: 2000, fsGroupChangePolicy: OnRootMismatch}`
	withStrict   = `pod: {supplementalGroupsPolicy: Strict}`
	withMerge    = `pod: {supplementalGroupsPolicy: Merge}`
	withLabel    = `{container: {seLinuxOptions: {level: "s0:c1,c2"}}}`
	withPorts    = `{container: {runAsUser: 10001}, pod: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]}}`
)

// hazardCases are the hazards and their near misses.
var hazardCases = []hazardCase{
	{id: "added-capabilities-non-root", name: "NET_ADMIN", want: []string{"c"}, says: []string{"NET_ADMIN, SYS_TIME", "10001", "runAsUser: 0"},
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {add: [NET_ADMIN, SYS_TIME]}}}]}}`},
	{id: "added-capabilities-non-root", name: "NET_BIND_SERVICE", want: []string{"c"}, says: []string{"ip_unprivileged_port_start"},
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "added-capabilities-non-root", name: "NET_BIND_SERVICE where all ports are open",
		pod: `{spec: {securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]}, containers: [{name: c, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "added-capabilities-non-root", name: "root by the manifest",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "added-capabilities-non-root", name: "its own user on the pod",
		pod: `{spec: {securityContext: {runAsUser: 7}, containers: [{name: c, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "added-capabilities-non-root", name: "privileged", // the business of privileged-non-root
		pod: `{spec: {containers: [{name: c, securityContext: {privileged: true, capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "added-capabilities-non-root", name: "only drops",
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {drop: [NET_ADMIN]}}}]}}`},

	{id: "apparmor-node", name: "injected", own: withAppArmor, want: []string{onPod},
		pod: `{spec: {containers: [{name: c}, {name: d}]}}`},
	{id: "apparmor-node", name: "another container asks for it", own: withAppArmor,
		pod: `{spec: {containers: [{name: c}, {name: d, securityContext: {appArmorProfile: {type: RuntimeDefault}}}]}}`},
	{id: "apparmor-node", name: "a legacy annotation asks for it", own: withAppArmor,
		pod: `{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/d: runtime/default}}, spec: {containers: [{name: c}, {name: d}]}}`},
	{id: "apparmor-node", name: "another is unconfined", own: withAppArmor, want: []string{onPod},
		pod: `{spec: {containers: [{name: c}, {name: d, securityContext: {appArmorProfile: {type: Unconfined}}}]}}`},
	{id: "apparmor-node", name: "a profile without it", pod: `{spec: {containers: [{name: c}]}}`},

	{id: "command-needs-root", name: "chown in an init container", want: []string{"i"}, says: []string{"runs chown", "10001", "CHOWN", "fsGroup"},
		pod: `{spec: {initContainers: [{name: i, command: [sh, -c, "chown -R 1000 /data"]}], containers: [{name: c}]}}`},
	{id: "command-needs-root", name: "the author demands another user", want: []string{"c"}, says: []string{"runAsUser: 0 with runAsNonRoot: false"},
		pod: `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c, command: [chown, "1000", /data]}]}}`},
	{id: "command-needs-root", name: "chown is the command", want: []string{"c"},
		pod: `{spec: {containers: [{name: c, command: [/bin/chown, "1000", /data]}]}}`},
	{id: "command-needs-root", name: "arguments for the image's shell", want: []string{"c"},
		pod: `{spec: {containers: [{name: c, args: [-c, "apk add curl && curl x"]}]}}`},
	{id: "command-needs-root", name: "a hook", want: []string{"c"}, says: []string{"apt-get"},
		pod: `{spec: {containers: [{name: c, lifecycle: {postStart: {exec: {command: [sh, -c, "apt-get update"]}}}}]}}`},
	{id: "command-needs-root", name: "the word is text",
		pod: `{spec: {containers: [{name: c, command: [sh, -c, "echo 'first chown; chown it' # chown"]}]}}`},
	{id: "command-needs-root", name: "the word is an argument",
		pod: `{spec: {containers: [{name: c, command: [server, --mount, chown]}]}}`},
	{id: "command-needs-root", name: "makes a script of its own executable",
		pod: `{spec: {containers: [{name: c, command: [sh, -c, "chmod +x /tmp/run && /tmp/run"]}]}}`},
	{id: "command-needs-root", name: "chmod of a volume", want: []string{"c"},
		pod: `{spec: {containers: [{name: c, command: [sh, -c, "chmod -R 777 /data"]}]}}`},
	{id: "command-needs-root", name: "its own user",
		pod: `{spec: {securityContext: {runAsUser: 7}, containers: [{name: c, command: [sh, -c, "chown 7 /data"]}]}}`},
	{id: "command-needs-root", name: "root loses CHOWN", want: []string{"c"}, says: []string{"as root", "CHOWN", "capabilities.add"},
		pod: `{spec: {containers: [{name: c, command: [chown, "7", /data], securityContext: {runAsUser: 0}}]}}`},
	{id: "command-needs-root", name: "root keeps CHOWN",
		pod: `{spec: {containers: [{name: c, command: [chown, "7", /data], securityContext: {runAsUser: 0, capabilities: {add: [CHOWN]}}}]}}`},
	{id: "command-needs-root", name: "root drops for itself",
		pod: `{spec: {containers: [{name: c, command: [chown, "7", /data], securityContext: {runAsUser: 0, capabilities: {drop: [KILL]}}}]}}`},
	{id: "command-needs-root", name: "sysctl where not even root may",
		pod: `{spec: {containers: [{name: c, command: [sysctl, -w, vm.max_map_count=262144]}]}}`},
	{id: "command-needs-root", name: "sysctl in a privileged container", want: []string{"c"}, says: []string{"sysctl", "runAsUser: 0"},
		pod: `{spec: {containers: [{name: c, command: [sysctl, -w, vm.max_map_count=262144], securityContext: {privileged: true}}]}}`},
	{id: "command-needs-root", name: "sudo of a user of its own", want: []string{"c"}, says: []string{"allowPrivilegeEscalation: true"},
		pod: `{spec: {containers: [{name: c, command: [sudo, ls], securityContext: {runAsUser: 7}}]}}`},
	{id: "command-needs-root", name: "sudo that is allowed to",
		pod: `{spec: {containers: [{name: c, command: [sudo, ls], securityContext: {runAsUser: 7, allowPrivilegeEscalation: true}}]}}`},

	{id: "default-capabilities-lost", name: "root adds one", want: []string{"c"}, says: []string{"keeps NET_ADMIN", "CHOWN"},
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "default-capabilities-lost", name: "names only what goes", want: []string{"c"}, says: []string{"by default: AUDIT_WRITE, FSETID, KILL, MKNOD, NET_BIND_SERVICE, NET_RAW, SETFCAP, SETPCAP, SYS_CHROOT"},
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [CHOWN, dac_override, FOWNER, SETGID, SETUID]}}}]}}`},
	{id: "default-capabilities-lost", name: "adds all that a runtime gives",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, NET_RAW, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT]}}}]}}`},
	{id: "default-capabilities-lost", name: "with its prefix", want: []string{"c"}, says: []string{"CAP_NET_ADMIN means nothing to containerd"},
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [CAP_NET_ADMIN]}}}]}}`},
	{id: "default-capabilities-lost", name: "all with their prefix", want: []string{"c"}, says: []string{"CAP_CHOWN means nothing to containerd"},
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [CAP_CHOWN, CAP_SETUID]}}}]}}`},
	{id: "default-capabilities-lost", name: "root by its image", own: withDropAll, want: []string{"c"},
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "default-capabilities-lost", name: "drops for itself",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN], drop: [KILL]}}}]}}`},
	{id: "default-capabilities-lost", name: "not root", own: withDropAll,
		pod: `{spec: {containers: [{name: c, securityContext: {runAsNonRoot: true, capabilities: {add: [NET_ADMIN]}}}]}}`},
	{id: "default-capabilities-lost", name: "adds ALL",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [ALL]}}}]}}`},

	{id: "device-owner", name: "a block device", want: []string{"c"}, says: []string{"/dev/xvda"},
		pod: `{spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: v}}], containers: [{name: c, volumeDevices: [{name: v, devicePath: /dev/xvda}]}]}}`},
	{id: "device-owner", name: "root by the manifest",
		pod: `{spec: {containers: [{name: c, volumeDevices: [{name: v, devicePath: /dev/xvda}], securityContext: {runAsUser: 0}}]}}`},

	{id: "capabilities-need-escalation", name: "adds for a user of its own", want: []string{"c"}, says: []string{"NET_BIND_SERVICE", "user 101"},
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 101, capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "capabilities-need-escalation", name: "adds for the image's user", profile: "restricted", want: []string{"c"}, says: []string{"the user of its image"},
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {add: [IPC_LOCK]}}}]}}`},
	{id: "capabilities-need-escalation", name: "allows it",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 101, allowPrivilegeEscalation: true, capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "capabilities-need-escalation", name: "adds for a new user", // the business of added-capabilities-non-root
		pod: `{spec: {containers: [{name: c, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "capabilities-need-escalation", name: "as root",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "capabilities-need-escalation", name: "adds nothing", own: withNoSetuid,
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 101}}]}}`},

	{id: "group-replaced", name: "injected", own: withGroup, want: []string{"c"}, says: []string{"10001"},
		pod: `{spec: {containers: [{name: c}]}}`},
	{id: "group-replaced", name: "its own on the pod", own: withGroup,
		pod: `{spec: {securityContext: {runAsGroup: 5}, containers: [{name: c}]}}`},

	{id: "image-user-replaced", name: "runAsNonRoot without a user", want: []string{"c"}, says: []string{"10001"},
		pod: `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c}]}}`},
	{id: "image-user-replaced", name: "with a user", pod: `{spec: {securityContext: {runAsNonRoot: true, runAsUser: 7}, containers: [{name: c}]}}`},
	{id: "image-user-replaced", name: "may be root", pod: `{spec: {securityContext: {runAsNonRoot: false}, containers: [{name: c}]}}`},
	{id: "image-user-replaced", name: "a profile without a user", profile: "restricted",
		pod: `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c}]}}`},

	{id: "image-user-unknown", name: "a profile without a user", profile: "restricted", want: []string{"c", "d"}, says: []string{"shop/web:1", "runAsUser"},
		pod: `{spec: {containers: [{name: c}, {name: d, image: "shop/web:1"}]}}`},
	{id: "image-user-unknown", name: "a user on the pod", profile: "restricted", pod: `{spec: {securityContext: {runAsUser: 7}, containers: [{name: c}]}}`},
	{id: "image-user-unknown", name: "a profile with a user", pod: `{spec: {containers: [{name: c}]}}`},
	{id: "image-user-unknown", name: "asks for it itself", profile: "restricted", pod: `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c}]}}`},
	{id: "image-user-unknown", name: "root by the manifest", profile: "restricted", pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0}}]}}`},
	{id: "image-user-unknown", name: "Windows", want: []string{"c"}, says: []string{"ContainerAdministrator", "runAsUserName: ContainerUser"},
		pod: `{spec: {os: {name: windows}, containers: [{name: c}]}}`},
	{id: "image-user-unknown", name: "Windows with a user",
		pod: `{spec: {os: {name: windows}, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}, containers: [{name: c}]}}`},

	{id: "localhost-profile", name: "two profiles", own: withLocal, want: []string{onPod}, says: []string{"profiles/audit.json", "tight"},
		pod: `{spec: {containers: [{name: c}]}}`},
	{id: "localhost-profile", name: "its own", own: withLocal,
		pod: `{spec: {securityContext: {appArmorProfile: {type: RuntimeDefault}, seccompProfile: {type: Localhost, localhostProfile: x}}, containers: [{name: c}]}}`},
	{id: "localhost-profile", name: "RuntimeDefault", pod: `{spec: {containers: [{name: c}]}}`},

	{id: "low-port", runtime: containerd1, name: "80 and 443", want: []string{"c"}, says: []string{"10001", "ports 80 and 443", "containerd://1.7.29", "net.ipv4.ip_unprivileged_port_start"},
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 443}, {containerPort: 8080}, {containerPort: 80}, {containerPort: 80, protocol: UDP}]}, {name: d}]}}`},
	{id: "low-port", runtime: containerd2, name: "containerd 2", pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}`},
	{id: "low-port", name: "a runtime that nobody knows", pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}`},
	{id: "low-port", runtime: containerd2, name: "in the node's network", want: []string{"c"}, says: []string{"port 53", "node's network", "NET_BIND_SERVICE"},
		pod: `{spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 53, hostPort: 53}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "only the hostPort is low",
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 8080, hostPort: 80}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "1024", pod: `{spec: {containers: [{name: c, ports: [{containerPort: 1024}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "1023", want: []string{"c"}, pod: `{spec: {containers: [{name: c, ports: [{containerPort: 1023}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "a sysctl opens it",
		pod: `{spec: {securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "80"}]}, containers: [{name: c, ports: [{containerPort: 80}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "a sysctl does not open it", want: []string{"c"},
		pod: `{spec: {securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "81"}]}, containers: [{name: c, ports: [{containerPort: 80}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "the profile opens it", own: withPorts,
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}`},
	{id: "low-port", runtime: containerd1, name: "its own user",
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}], securityContext: {runAsUser: 7}}]}}`},
	{id: "low-port", runtime: containerd1, name: "adds NET_BIND_SERVICE", // the business of added-capabilities-non-root
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}], securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "low-port", runtime: containerd1, name: "root without the capability", want: []string{"c"}, says: []string{"even root", "add NET_BIND_SERVICE"},
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}], securityContext: {runAsUser: 0}}]}}`},
	{id: "low-port", runtime: containerd1, name: "root with the capability",
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}], securityContext: {runAsUser: 0, capabilities: {add: [NET_BIND_SERVICE]}}}]}}`},
	{id: "low-port", runtime: containerd1, name: "privileged", // the business of privileged-non-root
		pod: `{spec: {containers: [{name: c, ports: [{containerPort: 80}], securityContext: {privileged: true}}]}}`},
	{id: "low-port", runtime: containerd1, name: "only listens, by its probe",
		pod: `{spec: {containers: [{name: c, args: [--port=80], readinessProbe: {tcpSocket: {port: 80}}}]}}`},

	{id: "privileged-non-root", name: "privileged", want: []string{"c"}, says: []string{"10001", "runAsUser: 0"},
		pod: `{spec: {containers: [{name: c, securityContext: {privileged: true}}, {name: d}]}}`},
	{id: "privileged-non-root", name: "as root", pod: `{spec: {containers: [{name: c, securityContext: {privileged: true, runAsUser: 0}}]}}`},
	{id: "privileged-non-root", name: "as its own user", pod: `{spec: {containers: [{name: c, securityContext: {privileged: true, runAsUser: 7}}]}}`},
	{id: "privileged-non-root", name: "not", pod: `{spec: {containers: [{name: c, securityContext: {privileged: false}}]}}`},

	{id: "root-loses-capabilities", name: "root by the manifest", want: []string{"c"}, says: []string{"by its manifest", "SETUID"},
		pod: `{spec: {securityContext: {runAsUser: 0}, containers: [{name: c}]}}`},
	{id: "root-loses-capabilities", name: "root by its image", own: withDropAll, want: []string{"c"}, says: []string{"by its image"},
		pod: `{spec: {containers: [{name: c}]}}`},
	{id: "root-loses-capabilities", name: "one of them", own: withDropRaw, want: []string{"c"}, says: []string{"loses NET_RAW"},
		pod: `{spec: {containers: [{name: c}]}}`},
	{id: "root-loses-capabilities", name: "a new user", pod: `{spec: {containers: [{name: c}]}}`},
	{id: "root-loses-capabilities", name: "adds one", // the business of default-capabilities-lost
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {add: [KILL]}}}]}}`},
	{id: "root-loses-capabilities", name: "drops for itself",
		pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, capabilities: {drop: [ALL]}}}]}}`},
	{id: "root-loses-capabilities", name: "privileged, of one of them", own: withDropRaw, pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, privileged: true}}]}}`},
	{id: "root-loses-capabilities", name: "privileged", pod: `{spec: {containers: [{name: c, securityContext: {runAsUser: 0, privileged: true}}]}}`},

	{id: "supplemental-groups-policy", name: "Strict", own: withStrict, want: []string{onPod}, pod: `{spec: {containers: [{name: c}]}}`},
	{id: "supplemental-groups-policy", name: "Merge", own: withMerge, pod: `{spec: {containers: [{name: c}]}}`},
	{id: "supplemental-groups-policy", name: "its own", own: withStrict,
		pod: `{spec: {securityContext: {supplementalGroupsPolicy: Strict}, containers: [{name: c}]}}`},
}
