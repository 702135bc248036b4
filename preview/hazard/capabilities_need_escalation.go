// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

// no_new_privs, which allowPrivilegeEscalation: false sets, takes the effect of
// the setuid bit and of file capabilities.
var capabilitiesNeedEscalation = rule{
	Cause: evidence.Cause{
		ID:       "capabilities-need-escalation",
		Title:    "Capabilities that need escalation",
		Settings: words("allowPrivilegeEscalation"),
		Severity: evidence.Medium,
		When:     "`capabilities.add` in the manifest, under a user other than root; `allowPrivilegeEscalation: false` is injected",
		Because:  "such a user gets an added capability only by running a file that carries it, and `no_new_privs` stops that",
		Fix:      "set allowPrivilegeEscalation: true in the manifest, if the program has file capabilities",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if c.newUser() || c.staysRoot() || len(c.after.add) == 0 || !c.stopsEscalation() {
			return "", ""
		}
		who := "the user of its image"
		if c.after.user != nil {
			who = c.asUser()
		}
		return fmt.Sprintf("it adds %s for %s, who can have that only through file capabilities, and allowPrivilegeEscalation: false "+
			"takes their effect", strings.Join(c.after.add, ", "), who), ""
	},
}
