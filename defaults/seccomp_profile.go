// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// seccompProfile filters the system calls of the container; RuntimeDefault is
// the filter that its container runtime brings.
//
// Field: spec.securityContext.seccompProfile and
// spec.containers[*].securityContext.seccompProfile, and of init and ephemeral
// containers.
//
// Hardened values: RuntimeDefault, or a Localhost profile.
//
// Inherited from: the pod.
//
// Conflicts: a privileged container gets no filter whatever the field says. The
// annotations from before 1.19 have had no effect since 1.27, but
// validateSeccompAnnotationsAndFields in kubernetes/pkg/apis/core/validation
// still refuses a field that disagrees with its annotation: a container's field
// with the container's annotation, the pod's field with the pod's.
var seccompProfile = &Field{
	Name:   "seccompProfile",
	Levels: ContainerLevel | PodLevel,
	OS:     Linux,
	Values: Values{
		"{type: RuntimeDefault}, or {type: Localhost, localhostProfile: FILE} with a file below the seccomp directory of every kubelet",
		func(typed any) bool {
			p := typed.(*corev1.SeccompProfile)
			if p.Type == corev1.SeccompProfileTypeRuntimeDefault {
				return p.LocalhostProfile == nil
			}
			return p.Type == corev1.SeccompProfileTypeLocalhost && p.LocalhostProfile != nil && isDescending(*p.LocalhostProfile)
		},
	},
	Conflicts: []Conflict{
		{
			Reason:      Privileged,
			When:        "`privileged: true`",
			Because:     "no effect: no filter is installed",
			InContainer: isPrivileged,
			NoEffect:    true,
		},
		{
			Reason:  LegacyAnnotation,
			When:    "the annotation `container.seccomp.security.alpha.kubernetes.io/<container>` says something else (for a pod-level default: `seccomp.security.alpha.kubernetes.io/pod`)",
			Because: "the API server refuses a field that disagrees with its annotation",
			InContainer: func(pod *Pod, c *Container, v Value) bool {
				return disagrees(pod.Annotations, corev1.SeccompContainerAnnotationKeyPrefix+c.Name, v)
			},
			Inherited: func(*Pod, *Container, Value) bool { return false }, // nothing compares them
			OnPod: func(pod *Pod, v Value) bool {
				return disagrees(pod.Annotations, corev1.SeccompPodAnnotationKey, v)
			},
		},
	},
}

// disagrees mirrors validateSeccompAnnotationsAndFieldsMatch, for the types that
// a default can have.
func disagrees(annotations map[string]string, key string, v Value) bool {
	annotation, found := annotations[key]
	if !found {
		return false
	}
	switch profile := v.Typed.(*corev1.SeccompProfile); profile.Type {
	case corev1.SeccompProfileTypeRuntimeDefault:
		return annotation != corev1.SeccompProfileRuntimeDefault && annotation != corev1.DeprecatedSeccompProfileDockerDefault
	case corev1.SeccompProfileTypeLocalhost:
		name, local := strings.CutPrefix(annotation, corev1.SeccompLocalhostProfileNamePrefix)
		return !local || profile.LocalhostProfile == nil || name != *profile.LocalhostProfile
	default:
		return true
	}
}
