// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"
)

var addedCapabilities = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "added-capabilities-non-root",
		Title:   "Added capabilities not effective",
		When:    "`capabilities.add` in the manifest; `runAsUser` is injected",
		Because: "under a user other than root, added capabilities are in the bounding set and not effective",
		WayOut:  "set runAsUser: 0 in the manifest; the capabilities that it adds stay",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() || c.after.privileged || len(c.after.add) == 0 {
			return "", ""
		}
		only := !slices.ContainsFunc(c.after.add, func(added string) bool { return !holds([]string{added}, "NET_BIND_SERVICE") })
		if only && unprivilegedPortStart(&change.After.Spec) == 0 {
			return "", "" // what it needs the capability for everybody may do
		}
		what = fmt.Sprintf("it adds %s, which would not be effective as %s", strings.Join(c.after.add, ", "), c.asUser())
		if only && !change.After.Spec.HostNetwork {
			wayOut = `set runAsUser: 0 in the manifest, or let every user open low ports with the pod's ` + lowPortSysctl
		}
		return what, wayOut
	},
}

// What a runtime gives root by default, as far as an application notices.
const rootsCapabilities = "changing owners (CHOWN), becoming another user (SETUID, SETGID) and passing over the permissions of files (DAC_OVERRIDE, FOWNER)"

// defaultCapabilities are those that containerd gives a container
// (defaultUnixCaps in its pkg/oci); CRI-O gives fewer.
var defaultCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
	"NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

var defaultCapabilitiesLost = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "default-capabilities-lost",
		Title:   "Default capabilities lost",
		When:    "a container that runs as root has `capabilities.add` and no `drop`; `drop: [ALL]` is injected",
		Because: "the capabilities that it adds stay, and those that the runtime gives by default go",
		WayOut:  "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add what it needs, such as CHOWN, SETUID and SETGID",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		if !c.staysRoot() || len(c.after.add) == 0 || !holds(c.dropsNow(), "ALL") {
			return "", ""
		}
		lost := slices.DeleteFunc(slices.Clone(defaultCapabilities), func(given string) bool { return holds(c.after.add, given) })
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

var rootLosesCapabilities = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "root-loses-capabilities",
		Title:   "Root without capabilities",
		When:    "a container runs as root by its manifest, or may do so by its image, and adds no capabilities; `capabilities.drop` is injected",
		Because: "root without capabilities cannot change owners, become another user (entrypoints with gosu, su-exec or su), or touch what belongs to others",
		WayOut:  "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add what it needs, such as CHOWN, SETUID and SETGID",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
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
