// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// sysctls sets kernel parameters in the namespaces of the pod.
//
// Field: spec.securityContext.sysctls.
//
// Conflicts: a parameter of a namespace that the pod shares with its node is
// refused (ValidateHostSysctl in kubernetes/pkg/apis/core/validation, and
// validateSysctl in kubernetes/pkg/kubelet/sysctl, whose refusal makes a
// controller create pods without end).
var sysctls = &Field{
	Name:   "sysctls",
	Levels: PodLevel,
	OS:     Linux,
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
			Reason:   SharesHostNamespaces,
			When:     "no `hostUsers: false`, and the value names a `user.*` parameter",
			Because:  "the kubelet refuses the pod",
			Concerns: anyIs(isUserSysctl),
			OnPod:    func(pod *Pod, _ Value) bool { return !pod.OwnUsers },
		},
	},
}

func anyIs(matches func(name string) bool) func(Value) bool {
	return func(v Value) bool {
		return slices.ContainsFunc(v.Typed.([]corev1.Sysctl), func(s corev1.Sysctl) bool {
			// Both separators are valid, as for sysctl(8).
			return matches(strings.ReplaceAll(s.Name, "/", "."))
		})
	}
}

// The three predicates mirror GetNamespace in
// k8s.io/component-helpers/node/util/sysctl.

func isNetSysctl(name string) bool { return strings.HasPrefix(name, "net.") }

func isIPCSysctl(name string) bool {
	return strings.HasPrefix(name, "fs.mqueue.") || slices.Contains(ipcSysctls, name)
}

func isUserSysctl(name string) bool { return strings.HasPrefix(name, "user.") }

var ipcSysctls = []string{
	"kernel.sem", "kernel.shm", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
	"kernel.msg", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
}
