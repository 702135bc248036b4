// SPDX-License-Identifier: Apache-2.0

package hazard

import "github.com/caseharden/caseharden/evidence"

var volumeLabel = rule{
	Cause: evidence.Cause{
		ID:       "volume-label",
		Title:    "Volume relabelled",
		Settings: words("seLinuxOptions"),
		Severity: evidence.Medium,
		When:     "a persistent volume or a `hostPath` is mounted; `seLinuxOptions` is injected",
		Because:  "on nodes with SELinux a volume gets the label of its pod, and pods with another label lose access to it; a `hostPath` keeps its label",
		Fix:      "set seLinuxOptions in the manifest to the label that all the users of the volume have",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if c.before.label != nil || c.after.label == nil {
			return "", ""
		}
		var mounts []string
		for _, m := range p.mountsOf(c.After) {
			if m.Kind.ownedByOthers() {
				mounts = append(mounts, m.String())
			}
		}
		if len(mounts) == 0 {
			return "", ""
		}
		return "with its own SELinux label, the container may lose access to " + few(unique(mounts)) + ", and other Pods may lose access afterwards", ""
	},
}
