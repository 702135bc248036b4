// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"regexp"
	"slices"

	"github.com/caseharden/caseharden/internal/shell"
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
	{names: []string{"apt", "apt-get", "dpkg"}, needs: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}}, // apt's files are for user _apt
	{names: []string{"apk", "yum", "dnf", "microdnf", "zypper", "rpm"}, needs: []string{"CHOWN", "SETUID", "SETGID"}},
	{names: []string{"update-ca-certificates", "update-ca-trust"}},
	{names: []string{"gosu", "su-exec", "runuser", "setpriv"}, needs: []string{"SETUID", "SETGID"}},
	{names: []string{"su", "sudo", "doas"}, needs: []string{"SETUID", "SETGID"}, setuid: true},
	{names: []string{"chroot"}, needs: []string{"SYS_CHROOT"}},
	{names: []string{"mknod"}, needs: []string{"MKNOD"}},
	{names: []string{"setcap"}, needs: []string{"SETFCAP"}},
	{names: []string{"mount", "umount", "sysctl", "modprobe", "insmod", "rmmod", "nsenter", "losetup", "iptables", "ip6tables",
		"iptables-restore", "ip6tables-restore", "nft", "ipset", "ipvsadm", "mkfs", "mkswap", "swapoff", "swapon"}, beyond: true},
}

func toolNamed(name string) (rootTool, bool) {
	i := slices.IndexFunc(rootTools, func(t rootTool) bool { return slices.Contains(t.names, name) })
	if i < 0 {
		return rootTool{}, false
	}
	return rootTools[i], true
}

var onlyExecutable = regexp.MustCompile(`^[ugoa]*\+x$`)

// needsRoot leaves out how programs that mostly need root are used without.
func needsRoot(p shell.Program) bool {
	switch p.Name {
	case "chmod":
		// A script does this to files of its own.
		return !slices.ContainsFunc(p.Args, onlyExecutable.MatchString)
	case "mount", "sysctl", "iptables", "nft", "ipset":
		return len(p.Args) > 0 // else it lists
	}
	return true
}
