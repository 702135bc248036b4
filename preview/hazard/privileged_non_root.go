// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	"github.com/caseharden/caseharden/evidence"
)

var privilegedNonRoot = rule{
	Cause: evidence.Cause{
		ID:       "privileged-non-root",
		Title:    "Privileged without root",
		Settings: words("runAsUser"),
		Severity: evidence.High,
		When:     "`privileged: true` in the manifest; `runAsUser` is injected",
		Because:  "a privileged container has every capability in its bounding set, but under a user other than root none is effective",
		Fix:      "set runAsUser: 0 in the manifest",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || !c.after.privileged {
			return "", ""
		}
		return fmt.Sprintf("it is privileged, and as %s would have no capability effective: mounting, devices, the node's network "+
			"and kernel parameters would be refused", c.asUser()), ""
	},
}
