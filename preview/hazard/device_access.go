// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// Device plugins and drivers of resource claims keep the owner and the mode that the
// device files have on the node, unless the runtime changes them.
var deviceAccess = rule{
	Cause: evidence.Cause{
		ID:       "device-access",
		Title:    "Devices closed to the user",
		Settings: words("runAsUser"),
		Severity: evidence.Medium,
		When: "a container has an extended resource such as `amd.com/gpu`, or a resource claim, and the pod has no `supplementalGroups`; " +
			"`runAsUser` is injected",
		Because: "device files often belong to root and a group such as `render` or `video`, and no other user can open them (NVIDIA's driver lets every user open them by default)",
		Fix: "set supplementalGroups to the group of the device files, or runAsUser: 0, in the manifest; " +
			"or configure the runtime of the nodes with device_ownership_from_security_context",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || len(podSecurityContext(&p.After.Spec).SupplementalGroups) > 0 {
			return "", ""
		}
		var sources []string
		for _, name := range extendedResources(c.After) {
			sources = append(sources, "the resource "+name)
		}
		for _, claim := range c.After.Resources.Claims {
			sources = append(sources, fmt.Sprintf("the resource claim %q", claim.Name))
		}
		if len(sources) == 0 {
			return "", ""
		}
		what = fmt.Sprintf("as %s it may not be able to open the device files of %s", c.asUser(), few(unique(sources)))
		if slices.ContainsFunc(sources, func(source string) bool { return strings.HasPrefix(source, "the resource nvidia.com/") }) {
			what += ": NVIDIA's driver lets everybody open its device files unless it is configured otherwise"
		}
		return what, ""
	},
}

// extendedResources returns the resources of a container that are not Kubernetes' own, by
// IsExtendedResourceName in kubernetes/pkg/apis/core/v1/helper, in the order of their names.
func extendedResources(c *corev1.Container) []string {
	var names []string
	for _, list := range []corev1.ResourceList{c.Resources.Limits, c.Resources.Requests} {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			amount := list[name]
			if strings.Contains(string(name), "/") && !strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix) && !amount.IsZero() {
				names = append(names, string(name))
			}
		}
	}
	return unique(names)
}
