// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

var imageUserReplaced = rule{
	Cause: evidence.Cause{
		ID:       "image-user-replaced",
		Title:    "Image's own user replaced",
		Settings: words("runAsUser"),
		Severity: evidence.Medium,
		When:     "the manifest has `runAsNonRoot: true` and no `runAsUser`; `runAsUser` is injected",
		Because:  "the manifest relies on the user that the image names, and the image's files may belong to that user",
		Fix:      "set runAsUser to the UID of the image's user in the manifest, or except this image from runAsUser in the profile",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || !isTrue(c.before.nonRoot) {
			return "", ""
		}
		return fmt.Sprintf("it relies on the user of its image (runAsNonRoot: true without runAsUser), and would run as %s, "+
			"who may not be able to read or write the image's files", c.asUser()), ""
	},
}
