// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// A rootTool is a kind of program that works for root only.
type rootTool struct {
	names []string

	// needs are capabilities that a runtime gives root by default, and without
	// which root cannot do it either.
	needs []string

	// beyond marks what not even root can do in a container by default: where the
	// container is not privileged and adds no capability, it never worked.
	beyond bool

	// setuid marks programs with the setuid bit, which works for every user.
	setuid bool
}

var rootTools = []rootTool{
	{names: []string{"chown", "chgrp"}, needs: []string{"CHOWN"}},
	{names: []string{"chmod"}},
	{names: []string{"useradd", "adduser", "usermod", "userdel", "deluser", "groupadd", "addgroup", "groupmod", "groupdel", "delgroup", "chpasswd"},
		needs: []string{"CHOWN"}},
	{names: []string{"apt", "apt-get", "dpkg", "apk", "yum", "dnf", "microdnf", "zypper", "rpm"}, needs: []string{"CHOWN", "SETUID", "SETGID"}},
	{names: []string{"update-ca-certificates", "update-ca-trust"}},
	{names: []string{"gosu", "su-exec", "runuser", "setpriv"}, needs: []string{"SETUID", "SETGID"}},
	{names: []string{"su", "sudo", "doas"}, needs: []string{"SETUID", "SETGID"}, setuid: true},
	{names: []string{"chroot"}, needs: []string{"SYS_CHROOT"}},
	{names: []string{"mknod"}, needs: []string{"MKNOD"}},
	{names: []string{"setcap"}, needs: []string{"SETFCAP"}},
	{names: []string{"mount", "umount", "sysctl", "modprobe", "insmod", "rmmod", "nsenter", "losetup", "iptables", "ip6tables",
		"iptables-restore", "ip6tables-restore", "nft", "ipset", "ipvsadm", "mkfs", "mkswap", "swapoff", "swapon"}, beyond: true},
}

var changesOwners = []string{"chown", "chgrp", "chmod"}

var commandNeedsRoot = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "command-needs-root",
		Title:   "Command that needs root",
		When:    "the command, its arguments or the `postStart` hook run a program such as chown, apk, gosu or sysctl, and the container loses root, its capabilities, or setuid",
		Because: "the program is refused what it does; a script may stop there",
		WayOut: "set runAsUser: 0 in the manifest, and add the capabilities that it needs to capabilities.add; " +
			"or do without the command: fsGroup gives volumes to a group, the image can hold the rest",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
		var forUser, forRoot, setuid, needs []string
		for _, run := range programsOf(c.After) {
			tool, is := toolNamed(run.Name)
			switch {
			case !is || !run.needsRoot():
			case c.newUser() && (!tool.beyond || c.after.privileged || len(c.after.add) > 0):
				forUser = append(forUser, run.Name)
				needs = append(needs, tool.needs...)
			case c.staysRoot():
				lost := slices.DeleteFunc(slices.Clone(tool.needs), func(n string) bool { return !c.loses(n) })
				if len(lost) > 0 {
					forRoot = append(forRoot, run.Name)
					needs = append(needs, lost...)
				}
			case tool.setuid && c.stopsEscalation():
				setuid = append(setuid, run.Name)
			}
		}
		needs = unique(needs)
		switch {
		case len(forUser) > 0:
			what = fmt.Sprintf("it runs %s, which %s may not be allowed to", listed(unique(forUser)), c.asUser())
			wayOut = "set runAsUser: 0 in the manifest"
			missing := slices.DeleteFunc(needs, func(n string) bool { return !c.loses(n) })
			if len(missing) > 0 {
				wayOut = fmt.Sprintf("set runAsUser: 0 in the manifest, and add %s to capabilities.add", listed(missing))
			}
			if slices.ContainsFunc(forUser, func(name string) bool { return slices.Contains(changesOwners, name) }) {
				wayOut += "; where it is about the owner of a volume, fsGroup can take the place of the command"
			}
		case len(forRoot) > 0:
			what = fmt.Sprintf("it runs %s as root, and loses the capabilities for it: %s", listed(unique(forRoot)), listed(needs))
			wayOut = fmt.Sprintf("add %s to capabilities.add in the manifest", listed(needs))
		case len(setuid) > 0:
			what = fmt.Sprintf("it runs %s, which allowPrivilegeEscalation: false keeps from becoming root", listed(unique(setuid)))
			wayOut = "set allowPrivilegeEscalation: true in the manifest"
		}
		return what, wayOut
	},
}

func toolNamed(name string) (rootTool, bool) {
	i := slices.IndexFunc(rootTools, func(t rootTool) bool { return slices.Contains(t.names, name) })
	if i < 0 {
		return rootTool{}, false
	}
	return rootTools[i], true
}

// programsOf lists what a container's manifest says that it runs.
func programsOf(container *corev1.Container) []program {
	found := programs(slices.Concat(container.Command, container.Args), len(container.Command) > 0)
	if l := container.Lifecycle; l != nil && l.PostStart != nil && l.PostStart.Exec != nil {
		found = append(found, programs(l.PostStart.Exec.Command, true)...)
	}
	return found
}
