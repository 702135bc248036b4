// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"path"
	"strings"
)

var noAccount = &Cause{
	ID:       "no-account",
	Title:    "User without a line in /etc/passwd",
	Settings: []string{"runAsUser"},
	When:     "the image's `/etc/passwd` has no line for the user, and its main program or entrypoint looks the user up",
	Because:  "the user has no name, and its home directory is `/`: programs such as initdb, ssh and sudo refuse to start",
	Fix:      "set runAsUser to a user of the image",
}

// looksUp are programs that do not start for a user without a line in /etc/passwd.
var looksUp = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields("initdb pg_ctl pg_ctlcluster pg_createcluster ssh sudo") {
		names[name] = true
	}
	return names
}()

// account notes a main program that looks for its user, who has no line.
func (r *run) account(p *process, argv []string) {
	if p.hasAccount || !looksUp[path.Base(argv[0])] {
		return
	}
	if at := r.resolve("/etc/passwd"); at.mounted != nil {
		return
	}
	r.add(trouble{
		cause: noAccount, severity: Medium, key: argv[0],
		what:  fmt.Sprintf("user %d has no line in /etc/passwd, and %s looks for one", p.uid, path.Base(argv[0])),
		items: []Item{r.item("/etc/passwd", fmt.Sprintf("/etc/passwd has no line for %d", p.uid), r.layerOf("/etc/passwd"))},
	})
}
