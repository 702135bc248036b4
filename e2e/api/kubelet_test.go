// SPDX-License-Identifier: Apache-2.0

package api

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/securitycontext"
)

// refusedByKubelet reports whether the kubelet would not start one of the pod's
// containers because its user breaks runAsNonRoot. The effective security context
// is computed by the kubelet's own function; what is asked of it is a copy of
// verifyRunAsNonRoot of kubernetes/pkg/kubelet/kuberuntime, which is not
// exported, on Linux and on Windows.
func refusedByKubelet(pod *corev1.Pod) bool {
	containers := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	for _, c := range pod.Spec.EphemeralContainers {
		containers = append(containers, corev1.Container(c.EphemeralContainerCommon))
	}
	for i := range containers {
		sc := securitycontext.DetermineEffectiveSecurityContext(pod, &containers[i])
		if sc.RunAsNonRoot == nil || !*sc.RunAsNonRoot {
			continue
		}
		if sc.RunAsUser != nil && *sc.RunAsUser == 0 {
			return true
		}
		if w := sc.WindowsOptions; w != nil && w.RunAsUserName != nil && strings.EqualFold(*w.RunAsUserName, "ContainerAdministrator") {
			return true
		}
	}
	return false
}
