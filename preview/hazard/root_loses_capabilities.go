// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

var rootLosesCapabilities = rule{
	Cause: evidence.Cause{
		ID:       "root-loses-capabilities",
		Title:    "Root without capabilities",
		Settings: words("capabilities.drop"),
		Severity: evidence.Medium,
		When:     "a container runs as root by its manifest, or may do so by its image, and adds no capabilities; `capabilities.drop` is injected",
		Because:  "root without capabilities cannot change owners, become another user (entrypoints with gosu, su-exec or su), or touch what belongs to others",
		Fix:      "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add what it needs, such as CHOWN, SETUID and SETGID",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		dropped := c.dropsNow()
		if !c.staysRoot() || len(c.after.add) > 0 || len(dropped) == 0 {
			return "", ""
		}
		who := "it runs as root by its manifest"
		if c.after.user == nil {
			who = "it may run as root by its image"
		}
		if !holds(dropped, "ALL") {
			return fmt.Sprintf("%s, and loses %s", who, strings.Join(dropped, ", ")),
				"add what it needs of these to capabilities.add in the manifest"
		}
		return fmt.Sprintf("%s, and loses what root may do by default, such as %s", who, rootsCapabilities), ""
	},
}

// What a runtime gives root by default, as far as an application notices.
const rootsCapabilities = "changing owners (CHOWN), becoming another user (SETUID, SETGID) and passing over the permissions of files (DAC_OVERRIDE, FOWNER)"
