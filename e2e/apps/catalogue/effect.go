// SPDX-License-Identifier: Apache-2.0

//go:build linux

package catalogue

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// InEffect returns the settings that the first container has, its own or its pod's, whatever
// gave them to it: any user but root counts.
func InEffect(spec *corev1.PodSpec) []string {
	pod, own := &corev1.PodSecurityContext{}, &corev1.SecurityContext{}
	if spec.SecurityContext != nil {
		pod = spec.SecurityContext
	}
	if c := spec.Containers[0].SecurityContext; c != nil {
		own = c
	}
	has := map[string]bool{
		AllowPrivilegeEscalation: is(own.AllowPrivilegeEscalation, func(v bool) bool { return !v }),
		CapabilitiesDrop:         own.Capabilities != nil && slices.Contains(own.Capabilities.Drop, "ALL"),
		ReadOnlyRootFilesystem:   is(own.ReadOnlyRootFilesystem, func(v bool) bool { return v }),
		RunAsNonRoot:             is(or(own.RunAsNonRoot, pod.RunAsNonRoot), func(v bool) bool { return v }),
		RunAsUser:                is(or(own.RunAsUser, pod.RunAsUser), func(v int64) bool { return v != 0 }),
		SeccompProfile: is(or(own.SeccompProfile, pod.SeccompProfile), func(v corev1.SeccompProfile) bool {
			return v.Type != corev1.SeccompProfileTypeUnconfined
		}),
	}
	return slices.DeleteFunc(slices.Clone(Settings), func(s string) bool { return !has[s] })
}

func is[T any](field *T, holds func(T) bool) bool { return field != nil && holds(*field) }

func or[T any](own, pod *T) *T {
	if own != nil {
		return own
	}
	return pod
}
