// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"strings"
)

var imageUserReplaced = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "image-user-replaced",
		Title:   "Image's own user replaced",
		When:    "the manifest has `runAsNonRoot: true` and no `runAsUser`; `runAsUser` is injected",
		Because: "its author relies on the user that the image names, and the image's files may belong to that user",
		WayOut:  "set runAsUser to the UID of the image's user in the manifest, or except this image from runAsUser in the profile",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() || !isTrue(c.before.nonRoot) {
			return "", ""
		}
		return fmt.Sprintf("it relies on the user of its image (runAsNonRoot: true without runAsUser), and would run as %s, "+
			"who may not be able to read or write the image's files", c.asUser()), ""
	},
}

// The kubelet's rules are in verifyRunAsNonRoot of
// kubernetes/pkg/kubelet/kuberuntime, one for Linux and one for Windows.
var imageUserUnknown = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "image-user-unknown",
		Title:   "Image's user may be root",
		When:    "`runAsNonRoot: true` is injected, and neither the manifest nor the profile gives a user",
		Because: "the kubelet refuses to start an image whose user is root, or a name where it needs a number (on Windows: ContainerAdministrator)",
		WayOut:  "set runAsUser to a UID other than 0 in the manifest, or runAsNonRoot: false if it has to be root",
	},
	Windows: true,
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if c.before.nonRoot != nil || !isTrue(c.after.nonRoot) {
			return "", ""
		}
		if change.Windows {
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

// A process whose user is not in the image's /etc/passwd has the group 0, and
// images made for any user give that group the rights to their files.
var groupReplaced = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "group-replaced",
		Title:   "Group of the image's files lost",
		When:    "`runAsGroup` is injected",
		Because: "images made for any user give their files to group 0, which a process has as long as nothing sets its group",
		WayOut:  "set runAsGroup to the group of the image's files in the manifest, or except this image from runAsGroup in the profile",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		if c.before.group != nil || c.after.group == nil || *c.after.group == 0 {
			return "", ""
		}
		return fmt.Sprintf("its group would be %d and no longer the image's, so that it may not be able to read or write files "+
			"that the image gives to its group, most often 0", *c.after.group), ""
	},
}

var privilegedNonRoot = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "privileged-non-root",
		Title:   "Privileged without root",
		When:    "`privileged: true` in the manifest; `runAsUser` is injected",
		Because: "a privileged container has every capability in its bounding set, and none effective under a user other than root",
		WayOut:  "set runAsUser: 0 in the manifest",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() || !c.after.privileged {
			return "", ""
		}
		return fmt.Sprintf("it is privileged, and as %s would have no capability effective: mounting, devices, the node's network "+
			"and kernel parameters would be refused", c.asUser()), ""
	},
}

// no_new_privs, which allowPrivilegeEscalation: false sets, takes the effect of
// the setuid bit and of file capabilities.
var fileCapabilities = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "file-capabilities",
		Title:   "File capabilities without effect",
		When:    "`capabilities.add` in the manifest, under a user other than root; `allowPrivilegeEscalation: false` is injected",
		Because: "such a user gets an added capability only by running a file that carries it, and `no_new_privs` stops that",
		WayOut:  "set allowPrivilegeEscalation: true in the manifest, if the program has file capabilities",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
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
