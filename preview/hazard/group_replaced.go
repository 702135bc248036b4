// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

// A process whose user is not in the image's /etc/passwd has the group 0, and
// images made for any user give that group the rights to their files.
var groupReplaced = rule{
	Cause: evidence.Cause{
		ID:       "group-replaced",
		Title:    "Group of the image's files lost",
		Settings: words("runAsGroup"),
		Severity: evidence.Medium,
		When:     "`runAsGroup` is injected",
		Because:  "images made for any user give their files to group 0, and a process has that group unless something sets another",
		Fix:      "set runAsGroup to the group of the image's files in the manifest, or except this image from runAsGroup in the profile",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if c.before.group != nil || c.after.group == nil || *c.after.group == 0 {
			return "", ""
		}
		return fmt.Sprintf("its group would be %d and no longer the image's, so that it may not be able to read or write files "+
			"that the image gives to its group, most often 0", *c.after.group), ""
	},
}
