// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The kubelet asks a pod for AppArmor as isRequired in
// kubernetes/pkg/security/apparmor does.
var appArmorNode = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "apparmor-node",
		Title:   "Nodes without AppArmor",
		When:    "`appArmorProfile` is injected",
		Because: "the kubelet refuses such a pod on a node whose kernel has no AppArmor",
		WayOut:  "make sure that all nodes that may get the pod have AppArmor, or take appArmorProfile out of the profile",
	},
	OfPod: func(c *change) (what, wayOut string) {
		if needsAppArmor(c.Before) || !needsAppArmor(c.After) {
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

var localhostProfile = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "localhost-profile",
		Title:   "Profile file on every node",
		When:    "a `seccompProfile` or `appArmorProfile` of type Localhost is injected",
		Because: "the container does not start on a node that does not have the file, or has not loaded the profile",
		WayOut:  "bring the profile to every node that may get the pod, or use RuntimeDefault in the profile",
	},
	OfPod: func(c *change) (what, wayOut string) {
		var missing []string
		for _, container := range c.containers() {
			if p := container.after.seccomp; container.before.seccomp == nil && p != nil && p.Type == corev1.SeccompProfileTypeLocalhost {
				missing = append(missing, "the seccomp profile "+orNone(p.LocalhostProfile))
			}
			if p := container.after.appArmor; container.before.appArmor == nil && p != nil && p.Type == corev1.AppArmorProfileTypeLocalhost {
				missing = append(missing, "the AppArmor profile "+orNone(p.LocalhostProfile))
			}
		}
		if len(missing) == 0 {
			return "", ""
		}
		return fmt.Sprintf("the node needs %s, and does not start the containers without", listed(unique(missing))), ""
	},
}

func orNone(name *string) string {
	if name == nil {
		return "(none)"
	}
	return *name
}

var supplementalGroupsPolicy = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "supplemental-groups-policy",
		Title:   "Groups of the image lost",
		When:    "`supplementalGroupsPolicy: Strict` is injected",
		Because: "a node whose runtime cannot do it refuses the pod, and the groups that the image gives its user are gone",
		WayOut: "set supplementalGroupsPolicy: Merge in the manifest, " +
			"or set supplementalGroupsPolicy: Strict there, with the groups that it needs in supplementalGroups",
	},
	OfPod: func(c *change) (what, wayOut string) {
		before := podSecurityContext(&c.Before.Spec).SupplementalGroupsPolicy
		after := podSecurityContext(&c.After.Spec).SupplementalGroupsPolicy
		if before != nil || after == nil || *after != corev1.SupplementalGroupsPolicyStrict {
			return "", ""
		}
		return "processes would no longer have the groups that the image's /etc/group gives their user, " +
			"and nodes whose runtime does not support supplementalGroupsPolicy refuse the pod", ""
	},
}

// sysctlName spells a sysctl with dots: slashes are allowed too.
func sysctlName(s corev1.Sysctl) string { return strings.ReplaceAll(s.Name, "/", ".") }
