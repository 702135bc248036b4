// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

var supplementalGroupsPolicy = rule{
	Cause: evidence.Cause{
		ID:       "supplemental-groups-policy",
		Title:    "Groups of the image lost",
		Settings: words("supplementalGroupsPolicy"),
		Severity: evidence.Medium,
		When:     "`supplementalGroupsPolicy: Strict` is injected",
		Because:  "a node whose runtime does not support it refuses the pod, and the user loses the groups that the image gives it",
		Fix: "set supplementalGroupsPolicy: Merge in the manifest, " +
			"or set supplementalGroupsPolicy: Strict there, with the groups that it needs in supplementalGroups",
	},
	OfPod: func(p *Pair) (what, fix string) {
		before := podSecurityContext(&p.Before.Spec).SupplementalGroupsPolicy
		after := podSecurityContext(&p.After.Spec).SupplementalGroupsPolicy
		if before != nil || after == nil || *after != corev1.SupplementalGroupsPolicyStrict {
			return "", ""
		}
		return "processes would no longer have the groups that the image's /etc/group gives their user, " +
			"and nodes whose runtime does not support supplementalGroupsPolicy refuse the pod", ""
	},
}
