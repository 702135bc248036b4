// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
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
		"a list of {name, value}, each name once, with values that the kernel takes, of the safe sysctls " + strings.Join(slices.Sorted(maps.Keys(safeSysctls)), ", "),
		func(typed any) bool {
			seen := map[string]bool{}
			for _, s := range typed.([]corev1.Sysctl) {
				takes, safe := safeSysctls[s.Name]
				if seen[s.Name] || !safe || !takes(s.Value) {
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
		{
			Reason:   BeyondUserNamespace,
			When:     "`hostUsers: false`, and the value has a `net.ipv4.ping_group_range` above 65535",
			Because:  "the user namespace of the pod has no such group, so the kernel refuses the value",
			Concerns: func(v Value) bool { return slices.ContainsFunc(v.Typed.([]corev1.Sysctl), pingsBeyond) },
			OnPod:    func(pod *Pod, _ Value) bool { return pod.OwnUsers },
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

func pingsBeyond(s corev1.Sysctl) bool {
	return s.Name == "net.ipv4.ping_group_range" && !numbers(s.Value, 2, 0, lastInUserNamespace)
}

// safeSysctls are those that every kubelet since Kubernetes 1.29 allows without
// being told to (pkg/kubelet/sysctl/safe_sysctls.go), with the values that the kernel
// takes. Any other sysctl makes a kubelet refuse the pod, for which its controller
// then makes new ones without end; any other value keeps the pod from starting.
var safeSysctls = map[string]func(value string) bool{
	"kernel.shm_rmid_forced":              func(v string) bool { return numbers(v, 1, 0, 1) },
	"net.ipv4.ip_local_port_range":        func(v string) bool { return numbers(v, 2, 1024, 65535) },
	"net.ipv4.ip_local_reserved_ports":    portList.MatchString,
	"net.ipv4.ip_unprivileged_port_start": func(v string) bool { return numbers(v, 1, 0, 1024) },
	"net.ipv4.ping_group_range":           func(v string) bool { return numbers(v, 2, 0, 1<<31-1) },
	"net.ipv4.tcp_fin_timeout":            isSeconds,
	"net.ipv4.tcp_keepalive_intvl":        isSeconds,
	"net.ipv4.tcp_keepalive_probes":       func(v string) bool { return numbers(v, 1, 1, 127) },
	"net.ipv4.tcp_keepalive_time":         isSeconds,
	"net.ipv4.tcp_syncookies":             func(v string) bool { return numbers(v, 1, 0, 2) },
}

// isSeconds allows as much as setsockopt does, too.
func isSeconds(value string) bool { return numbers(value, 1, 1, 32767) }

// numbers reports whether a value is so many numbers between two bounds, none smaller
// than the one before.
func numbers(value string, many, least, most int) bool {
	fields := strings.Fields(value)
	for _, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil || n < least || n > most {
			return false
		}
		least = n
	}
	return len(fields) == many
}

var portList = regexp.MustCompile(`^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$`)
