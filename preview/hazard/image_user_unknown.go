// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

// The kubelet's rules are in verifyRunAsNonRoot of
// kubernetes/pkg/kubelet/kuberuntime, one for Linux and one for Windows.
var imageUserUnknown = rule{
	Cause: evidence.Cause{
		ID:       "image-user-unknown",
		Title:    "Image's user may be root",
		Settings: words("runAsNonRoot"),
		Severity: evidence.Medium,
		When:     "`runAsNonRoot: true` is injected, and neither the manifest nor the profile gives a user",
		Because:  "the kubelet refuses to start an image whose user is root, or a name where it needs a number (on Windows: ContainerAdministrator)",
		Fix:      "set runAsUser to a UID other than 0 in the manifest, or runAsNonRoot: false if it has to be root",
	},
	Windows: true,
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if c.before.nonRoot != nil || !isTrue(c.after.nonRoot) {
			return "", ""
		}
		if p.Windows {
			if c.after.userName != nil {
				return "", ""
			}
			return fmt.Sprintf("the kubelet will not start it if the user of %s is ContainerAdministrator", imageOf(c)),
				"set windowsOptions.runAsUserName: ContainerUser in the manifest, or runAsNonRoot: false if it has to be an administrator"
		}
		if c.after.user != nil {
			return "", ""
		}
		return fmt.Sprintf("the kubelet will not start it if the user of %s is root (as it is where an image names none), "+
			"or is a name and not a number", imageOf(c)), ""
	},
}

// imageOf names the image of a container, where the manifest does.
func imageOf(c *containerPair) string {
	if c.After.Image == "" {
		return "its image"
	}
	return "its image " + c.After.Image
}
