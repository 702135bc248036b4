// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// The kubelet hands a volume with fsGroup to that group; this is what the
// profile asks for, at a price.
var fsGroupSlow = rule{
	Cause: evidence.Cause{
		ID:       "fs-group-slow",
		Title:    "Slow start with big volumes",
		Settings: words("fsGroup"),
		Severity: evidence.Low,
		When:     "`fsGroup` is injected without `fsGroupChangePolicy: OnRootMismatch`, and the pod has a persistent volume",
		Because:  "the kubelet changes the group of every file in the volume, each time that a pod starts",
		Fix:      "give the profile fsGroupChangePolicy: OnRootMismatch beside fsGroup",
	},
	OfPod: func(p *Pair) (what, fix string) {
		before, after := podSecurityContext(&p.Before.Spec), podSecurityContext(&p.After.Spec)
		policy := after.FSGroupChangePolicy
		if before.FSGroup != nil || after.FSGroup == nil || policy != nil && *policy == corev1.FSGroupChangeOnRootMismatch {
			return "", ""
		}
		var volumes []string
		for _, container := range allContainers(&p.After.Spec) {
			for _, m := range p.mountsOf(container) {
				if m.Kind == claimed && !m.ReadOnly {
					volumes = append(volumes, fmt.Sprintf("%s %q", m.Type, m.Name))
				}
			}
		}
		if len(volumes) == 0 {
			return "", ""
		}
		return fmt.Sprintf("whenever the pod starts the kubelet gives every file in %s to group %d, which can take long",
			listed(unique(volumes)), *after.FSGroup), ""
	},
}
