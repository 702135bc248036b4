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
	Because:  "`no_new_privs`, which `allowPrivilegeEscalation: false` sets, takes the effect of the setuid bit, and the program is not root",
	Fix:      "do without the program, or set allowPrivilegeEscalation: true in the manifest",
}

// helperNames are programs that scripts run for their setuid bit.
var helperNames = map[string]bool{"sudo": true, "su": true, "ping": true, "ping6": true, "doas": true, "newuidmap": true, "fusermount": true, "fusermount3": true, "mount": true, "umount": true}

// setuid notes a program whose setuid bit has no effect.
func (r *run) setuid(p *process, at location, name string, certain bool) {
	if p.uid == 0 || !p.noNewPrivs || at.file.Mode&fs.ModeSetuid == 0 || at.file.UID != 0 {
		return
	}
	t := trouble{
		cause: setuidHelper, severity: Medium, key: at.path,
		what:  fmt.Sprintf("the entrypoint runs %s, which does not become root under allowPrivilegeEscalation: false", path.Base(name)),
		items: []Item{r.item(at.path, describe(at.path, at.file), at.file.Layer)},
	}
	if certain {
		t.severity = High
	}
	r.add(t)
}
