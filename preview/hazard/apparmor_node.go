// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// The kubelet asks a pod for AppArmor as isRequired in
// kubernetes/pkg/security/apparmor does.
var appArmorNode = rule{
	Cause: evidence.Cause{
		ID:       "apparmor-node",
		Title:    "Nodes without AppArmor",
		Settings: words("appArmorProfile"),
		Severity: evidence.Medium,
		When:     "`appArmorProfile` is injected",
		Because:  "the kubelet refuses such a pod on a node whose kernel has no AppArmor",
		Fix:      "make sure that all nodes that may get the pod have AppArmor, or take appArmorProfile out of the profile",
	},
	OfPod: func(p *Pair) (what, fix string) {
		if needsAppArmor(p.Before) || !needsAppArmor(p.After) {
			return "", ""
		}
		return "the pod would need AppArmor, and nodes that have none refuse it", ""
	},
}

func needsAppArmor(pod *corev1.PodTemplateSpec) bool {
	confines := func(p *corev1.AppArmorProfile) bool {
		return p != nil && p.Type != corev1.AppArmorProfileTypeUnconfined
	}
	if confines(podSecurityContext(&pod.Spec).AppArmorProfile) {
		return true
	}
	for _, c := range allContainers(&pod.Spec) {
		if c.SecurityContext != nil && confines(c.SecurityContext.AppArmorProfile) {
			return true
		}
	}
	for key, value := range pod.Annotations {
		if strings.HasPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix) &&
			value != corev1.DeprecatedAppArmorBetaProfileNameUnconfined {
			return true
		}
	}
	return false
}
