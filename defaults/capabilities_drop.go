// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// capabilities.drop takes capabilities away that a container runtime gives by
// default; ALL takes all of them. It is a field of its own: a drop is filled in
// beside an add that the author wrote, and the added ones remain.
//
// Field: spec.containers[*].securityContext.capabilities.drop, and of init and
// ephemeral containers.
//
// Hardened value: [ALL].
//
// Conflicts: in a privileged container the bounding set stays full whatever is
// dropped. Where both lists hold ALL, or the same name, the drop wins, and the
// author is left without what was asked for (WithCapabilities in containerd's
// internal/cri/opts). Runtimes compare without regard to case. Spelt with CAP_, as
// Kubernetes does not, the name of a capability is to CRI-O what it is without, and to
// containerd nothing: there the author has it only as one of those given by default.
// No runtime knows CAP_ALL.
var capabilitiesDrop = &Field{
	Name:   "capabilities.drop",
	Levels: ContainerLevel,
	OS:     Linux,
	Values: Values{
		"a list of ALL, or of capabilities spelt without CAP_, such as NET_RAW",
		func(typed any) bool {
			list := typed.([]corev1.Capability)
			return len(list) > 0 && !slices.ContainsFunc(list, func(c corev1.Capability) bool {
				return c != "ALL" && !slices.Contains(capabilityNames, string(c))
			})
		},
	},
	Conflicts: []Conflict{
		{
			Reason:      Privileged,
			When:        "`privileged: true`",
			Because:     "no effect: the bounding set stays full",
			InContainer: isPrivileged,
			NoEffect:    true,
		},
		{
			Reason:   AddsAllCapabilities,
			When:     "`capabilities.add` holds `ALL`, and so does the value",
			Because:  "the drop would win and leave none of what the author asked for",
			Concerns: dropsAll,
			InContainer: func(_ *Pod, c *Container, _ Value) bool {
				return slices.ContainsFunc(c.SecurityContext.AddedCapabilities, isAll[string])
			},
		},
		{
			Reason:   AddsWhatIsDropped,
			When:     "`capabilities.add` holds a capability that the value drops by its name",
			Because:  "the drop would win and take away what the author asked for",
			Concerns: func(v Value) bool { return len(droppedNames(v)) > 0 },
			InContainer: func(_ *Pod, c *Container, v Value) bool {
				return slices.ContainsFunc(c.SecurityContext.AddedCapabilities, func(added string) bool {
					return slices.Contains(droppedNames(v), withoutPrefix(added))
				})
			},
		},
	},
}

func dropsAll(v Value) bool {
	return slices.ContainsFunc(v.Typed.([]corev1.Capability), isAll[corev1.Capability])
}

// droppedNames returns the capabilities that a value drops one by one.
func droppedNames(v Value) []string {
	var names []string
	for _, c := range v.Typed.([]corev1.Capability) {
		if !isAll(c) {
			names = append(names, string(c))
		}
	}
	return names
}

// withoutPrefix returns the name that Kubernetes has for an added capability.
func withoutPrefix(added string) string { return strings.TrimPrefix(strings.ToUpper(added), "CAP_") }

func isAll[S ~string](capability S) bool { return strings.EqualFold(string(capability), "ALL") }

// capabilityNames are those of capabilities(7), as Kubernetes spells them.
var capabilityNames = []string{
	"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
	"DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
	"LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
	"NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT",
	"SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "WAKE_ALARM",
}
