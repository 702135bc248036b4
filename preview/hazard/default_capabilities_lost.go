// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

var defaultCapabilitiesLost = rule{
	Cause: evidence.Cause{
		ID:       "default-capabilities-lost",
		Title:    "Default capabilities lost",
		Settings: words("capabilities.drop"),
		Severity: evidence.Medium,
		When:     "a container that runs as root has `capabilities.add` and no `drop`; `drop: [ALL]` is injected",
		Because:  "the container keeps the capabilities that it adds, and loses those that the runtime gives by default",
		Fix:      "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add what it needs, such as CHOWN, SETUID and SETGID",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		if !c.staysRoot() || len(c.after.add) == 0 || !holds(c.dropsNow(), "ALL") {
			return "", ""
		}
		lost := slices.DeleteFunc(evidence.DefaultCapabilities(), func(given string) bool { return holds(c.after.add, given) })
		if len(lost) == 0 {
			return "", ""
		}
		what = fmt.Sprintf("it keeps %s, and loses the others that runtimes give by default: %s",
			strings.Join(c.after.add, ", "), strings.Join(lost, ", "))
		prefixed := slices.IndexFunc(c.after.add, func(added string) bool { return strings.HasPrefix(strings.ToUpper(added), "CAP_") })
		if prefixed >= 0 {
			// containerd puts CAP_ before whatever it is given.
			what += fmt.Sprintf("; and %s means nothing to containerd, which wants it without CAP_", c.after.add[prefixed])
		}
		return what, ""
	},
}
