// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"path"
	"strings"
)

// rootAlone are programs that do their work as root alone: they run jobs and sessions as
// other users, or change the node's network.
var rootAlone = wordSet("cron crond anacron atd sshd master postfix dovecot vsftpd proftpd pure-ftpd xinetd inetd smbd keepalived")

// ignoresUser are programs that take the name of a user to change to, and go on without the
// change when they are not root.
var ignoresUser = wordSet("memcached dnsmasq mysqld mariadbd mysqld_safe mariadbd-safe lighttpd nginx apache2 httpd redis-server")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// worksAsRootAlone notes a program that works as root alone, with the capabilities to
// become others.
func (r *run) worksAsRootAlone(p *process, argv []string) {
	name := path.Base(argv[0])
	if !rootAlone[name] {
		return
	}
	r.writesTo(p, "/run", name+" keeps a PID file in /run", Medium)
	if p.can("SETUID") && p.can("SETGID") {
		return
	}
	r.add(trouble{
		cause: entrypointNeedsRoot, severity: High, key: name,
		what:  fmt.Sprintf("%s becomes other users, which takes root with SETUID and SETGID", name),
		items: []Item{r.item("", "the main program is "+name, "")},
	})
}

// changesUserItself notes a program whose command says to which user it changes.
func (r *run) changesUserItself(p *process, argv []string) {
	name := path.Base(argv[0])
	if ignoresUser[name] || p.can("SETUID") && p.can("SETGID") {
		return
	}
	for i, word := range argv[1:] {
		user, attached := "", false
		switch {
		case word == "-u" || word == "--user" || word == "--uid":
			if i+2 < len(argv) {
				user = argv[i+2]
			}
		default:
			if user, attached = strings.CutPrefix(word, "--user="); !attached {
				user, attached = strings.CutPrefix(word, "--uid=")
			}
			if !attached {
				user = ""
			}
		}
		if user == "" {
			continue
		}
		a, found := r.accountNamed(user)
		if !found || a.uid == p.uid {
			continue
		}
		r.add(trouble{
			cause: entrypointNeedsRoot, severity: Medium, key: user,
			what:  fmt.Sprintf("%s changes its user to %s, which fails as user %d", name, user, p.uid),
			items: []Item{r.item("", "the command is "+strings.Join(argv, " "), "")},
		})
	}
}
