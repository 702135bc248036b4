// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

var localhostProfile = rule{
	Cause: evidence.Cause{
		ID:       "localhost-profile",
		Title:    "Profile file on every node",
		Settings: words("appArmorProfile seccompProfile"),
		Severity: evidence.Medium,
		When:     "a `seccompProfile` or `appArmorProfile` of type Localhost is injected",
		Because:  "the container does not start on a node that does not have the file, or has not loaded the profile",
		Fix:      "bring the profile to every node that may get the pod, or use RuntimeDefault in the profile",
	},
	OfPod: func(p *Pair) (what, fix string) {
		var missing []string
		for _, container := range p.containers() {
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
