// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

var addedCapabilities = rule{
	Cause: evidence.Cause{
		ID:       "added-capabilities-non-root",
		Title:    "Added capabilities not effective",
		Settings: words("runAsUser"),
		Severity: evidence.High,
		When:     "`capabilities.add` in the manifest; `runAsUser` is injected",
		Because:  "under a user other than root, added capabilities are in the bounding set, but not effective",
		Fix:      "set runAsUser: 0 in the manifest; the capabilities that it adds stay",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() || c.after.privileged || len(c.after.add) == 0 {
			return "", ""
		}
		only := !slices.ContainsFunc(c.after.add, func(added string) bool { return !holds([]string{added}, "NET_BIND_SERVICE") })
		if only && unprivilegedPortStart(&p.After.Spec) == 0 {
			return "", "" // every user may do what it needs the capability for
		}
		what = fmt.Sprintf("it adds %s, which would not be effective as %s", strings.Join(c.after.add, ", "), c.asUser())
		if only && !p.After.Spec.HostNetwork {
			fix = `set runAsUser: 0 in the manifest, or let every user open low ports with the pod's ` + evidence.LowPortSysctl
		}
		return what, fix
	},
}
