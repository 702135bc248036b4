// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"io/fs"
	"path"
)

var setuidHelper = &Cause{
	ID:       "setuid-helper",
	Title:    "Setuid program without effect",
	Settings: []string{"allowPrivilegeEscalation"},
	When:     "the entrypoint runs sudo, su, ping or another program with the setuid bit, as a user other than root",
	Because: "`no_new_privs`, which `allowPrivilegeEscalation: false` sets, takes the effect of the setuid bit, and the program is not root. " +
		"With the bit in effect, sudo and su get no capabilities under `capabilities.drop: [ALL]`, and cannot change the user",
	Fix: "do without the program, or set allowPrivilegeEscalation: true in the manifest",
}

// helperNames are programs that scripts run for their setuid bit.
var helperNames = map[string]bool{"sudo": true, "su": true, "ping": true, "ping6": true, "doas": true, "newuidmap": true, "fusermount": true, "fusermount3": true, "mount": true, "umount": true}

// becomesOthers are programs that change their user, which takes SETUID and SETGID. The setuid
// bit gives a program the capabilities of root that are in the bounding set (capabilities(7)).
var becomesOthers = wordSet("sudo su doas")

// setuid notes a program whose setuid bit has no effect, or not the one that it needs.
func (r *run) setuid(p *process, at location, name string, certain bool) {
	var why string
	switch {
	case p.uid == 0 || at.file.Mode&fs.ModeSetuid == 0 || at.file.UID != 0:
		return
	case p.noNewPrivs:
		why = "does not become root under allowPrivilegeEscalation: false"
	case becomesOthers[path.Base(name)] && !(p.mayGet("SETUID") && p.mayGet("SETGID")):
		why = "becomes root without SETUID and SETGID, and cannot change the user"
	default:
		return
	}
	t := trouble{
		cause: setuidHelper, severity: Medium, key: at.path,
		what:  fmt.Sprintf("the entrypoint runs %s, which %s", path.Base(name), why),
		items: []Item{r.item(at.path, describe(at.path, at.file), at.file.Layer)},
	}
	if certain {
		t.severity = High
	}
	r.add(t)
}
