// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

// Containers that are privileged or add capabilities have hazards of their own, with the
// same fix.
var rootAllowed = rule{
	Cause: evidence.Cause{
		ID:       "root-allowed",
		Title:    "Root allowed, another user injected",
		Settings: words("runAsUser"),
		Severity: evidence.Medium,
		When:     "the manifest has `runAsNonRoot: false` and no `runAsUser`; `runAsUser` is injected",
		Because:  "the manifest allows root, most often because the image runs as root; `runAsNonRoot: false` alone does not stop the injection of `runAsUser`",
		Fix:      "set runAsUser: 0 in the manifest if it has to be root, or set runAsUser to the UID of the image's user",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || !isFalse(c.before.nonRoot) || c.after.privileged || len(c.after.add) > 0 {
			return "", ""
		}
		return fmt.Sprintf("its manifest allows root (runAsNonRoot: false) and gives no user, and it would run as %s", c.asUser()), ""
	},
}
