// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// sysctls sets kernel parameters in the namespaces of the pod.
//
// Field: spec.securityContext.sysctls.
//
// Hardened values: those of safe sysctls.
//
// Conflicts: a parameter of a namespace that the pod shares with its node is
// refused (ValidateHostSysctl in kubernetes/pkg/apis/core/validation, and
// validateSysctl in kubernetes/pkg/kubelet/sysctl, whose refusal makes a
// controller create pods without end).
var sysctls = &Field{
	Name:   "sysctls",
	Levels: PodLevel,
	OS:     Linux,
	Values: Values{
		"a list of {name, value} with safe sysctls, each once, and numbers: " + strings.Join(safeSysctls, ", "),
		func(typed any) bool {
			seen := map[string]bool{}
			for _, s := range typed.([]corev1.Sysctl) {
				if seen[s.Name] || !slices.Contains(safeSysctls, s.Name) || !sysctlValue.MatchString(s.Value) {
					return false
				}
				seen[s.Name] = true
			}
			return len(seen) > 0
		},
	},
	Conflicts: []Conflict{
		{
			Reason:   SharesHostNamespaces,
			When:     "`hostNetwork: true`, and the value names a `net.*` parameter",
			Because:  "the API server or the kubelet refuses the pod",
			Concerns: anyIs(isNetSysctl),
			OnPod:    func(pod *Pod, _ Value) bool { return pod.HostNetwork },
		},
		{
			Reason:   SharesHostNamespaces,
			When:     "`hostIPC: true`, and the value names an IPC parameter",
			Because:  "the API server or the kubelet refuses the pod",
			Concerns: anyIs(isIPCSysctl),
			OnPod:    func(pod *Pod, _ Value) bool { return pod.HostIPC },
		},
	},
}

func anyIs(matches func(name string) bool) func(Value) bool {
	return func(v Value) bool {
		return slices.ContainsFunc(v.Typed.([]corev1.Sysctl), func(s corev1.Sysctl) bool { return matches(s.Name) })
	}
}

// The namespaces of the safe sysctls, as GetNamespace in
// k8s.io/component-helpers/node/util/sysctl has them.

func isNetSysctl(name string) bool { return strings.HasPrefix(name, "net.") }

func isIPCSysctl(name string) bool { return name == "kernel.shm_rmid_forced" }

// safeSysctls are those that every kubelet since Kubernetes 1.29 allows without
// being told to (pkg/kubelet/sysctl/safe_sysctls.go). Any other makes a kubelet
// refuse the pod, for which its controller then makes new ones without end.
var safeSysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_syncookies",
}

// What the kernel does not take for a value keeps a pod from starting. These
// parameters take numbers: one, a range, or a list.
var sysctlValue = regexp.MustCompile(`^[0-9]+([ \t,-][0-9]+)*$`)
