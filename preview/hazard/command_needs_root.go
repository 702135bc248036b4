// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/shell"
)

var commandNeedsRoot = rule{
	Cause: evidence.Cause{
		ID:       "command-needs-root",
		Title:    "Command that needs root",
		Settings: words("allowPrivilegeEscalation capabilities.drop runAsUser"),
		Severity: evidence.High,
		When:     "the command, its arguments or the `postStart` hook run a program such as chown, apk, gosu or sysctl, and the container loses root, its capabilities, or setuid",
		Because:  "the kernel refuses what the program does, and a script may stop there",
		Fix: "set runAsUser: 0 in the manifest, and add the capabilities that it needs to capabilities.add; " +
			"or do without the command: fsGroup gives volumes to a group, the image can hold the rest",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		runs := rootCommandsOf(c)
		switch runs.setting() {
		case "runAsUser":
			what = fmt.Sprintf("it runs %s, which %s may not be allowed to", listed(unique(runs.forUser)), c.asUser())
			fix = "set runAsUser: 0 in the manifest"
			missing := slices.DeleteFunc(runs.needs, func(n string) bool { return !c.loses(n) })
			if len(missing) > 0 {
				fix = fmt.Sprintf("set runAsUser: 0 in the manifest, and add %s to capabilities.add", listed(missing))
			}
			if slices.ContainsFunc(runs.forUser, func(name string) bool { return slices.Contains(changesOwners, name) }) {
				fix += "; where it is about the owner of a volume, fsGroup can take the place of the command"
			}
		case "capabilities.drop":
			what = fmt.Sprintf("it runs %s as root, and loses the capabilities for it: %s", listed(unique(runs.forRoot)), listed(runs.needs))
			fix = fmt.Sprintf("add %s to capabilities.add in the manifest", listed(runs.needs))
		case "allowPrivilegeEscalation":
			what = fmt.Sprintf("it runs %s, which allowPrivilegeEscalation: false keeps from becoming root", listed(unique(runs.setuid)))
			fix = "set allowPrivilegeEscalation: true in the manifest"
		}
		return what, fix
	},
	Narrow: func(_ *Pair, c *containerPair) []string { return words(rootCommandsOf(c).setting()) },
}

// rootCommands are the programs of a container that need root, by what it loses.
type rootCommands struct{ forUser, forRoot, setuid, needs []string }

// setting returns the setting that they are about; "" where there are none.
func (r *rootCommands) setting() string {
	switch {
	case len(r.forUser) > 0:
		return "runAsUser"
	case len(r.forRoot) > 0:
		return "capabilities.drop"
	case len(r.setuid) > 0:
		return "allowPrivilegeEscalation"
	}
	return ""
}

func rootCommandsOf(c *containerPair) *rootCommands {
	r := &rootCommands{}
	for _, run := range programsOf(c.After) {
		tool, is := toolNamed(run.Name)
		switch {
		case !is || !needsRoot(run):
		case c.newUser() && (!tool.beyond || c.after.privileged || len(c.after.add) > 0):
			r.forUser = append(r.forUser, run.Name)
			r.needs = append(r.needs, tool.needs...)
		case c.staysRoot():
			lost := slices.DeleteFunc(slices.Clone(tool.needs), func(n string) bool { return !c.loses(n) })
			if len(lost) > 0 {
				r.forRoot = append(r.forRoot, run.Name)
				r.needs = append(r.needs, lost...)
			}
		case tool.setuid && c.stopsEscalation():
			r.setuid = append(r.setuid, run.Name)
		}
	}
	r.needs = unique(r.needs)
	return r
}

var changesOwners = []string{"chown", "chgrp", "chmod"}

// programsOf lists what a container's manifest says that it runs.
func programsOf(container *corev1.Container) []shell.Program {
	found := shell.Programs(slices.Concat(container.Command, container.Args), len(container.Command) > 0)
	if l := container.Lifecycle; l != nil && l.PostStart != nil && l.PostStart.Exec != nil {
		found = append(found, shell.Programs(l.PostStart.Exec.Command, true)...)
	}
	return found
}
