// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// hardened is a container for which the profile hardened decides all six settings.
func hardened(edit func(c *evidence.Container)) *evidence.Container {
	uid, yes := int64(10001), true
	c := &evidence.Container{
		Name: "c", PortStart: 1024,
		After: evidence.Security{User: &uid, NonRoot: &yes, NoNewPrivs: true, ReadOnlyRoot: true, Drop: []string{"ALL"}},
	}
	if edit != nil {
		edit(c)
	}
	return c
}

// found writes a finding as one line: its verdict, its cause, its settings, its exception.
func found(f evidence.Finding) string {
	line := fmt.Sprintf("%s %s [%s]", f.Verdict, f.ID, strings.Join(f.Settings, " "))
	if f.Exception != nil {
		text, _ := json.Marshal(f.Exception)
		line += " " + string(text)
	}
	return line
}

type imageCase struct {
	name     string
	config   evidence.Config
	files    string
	contents map[string]string
	edit     func(c *evidence.Container)
	want     []string
}

const postgresEntrypoint = `#!/usr/bin/env bash
set -Eeo pipefail

docker_create_db_directories() {
	local user; user="$(id -u)"
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql || :
	chmod 03775 /var/run/postgresql || :
	if [ "$user" = '0' ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	fi
}

_main() {
	if [ "${1:0:1}" = '-' ]; then
		set -- postgres "$@"
	fi
	if [ "$1" = 'postgres' ] && ! _pg_want_help "$@"; then
		docker_create_db_directories
		if [ "$(id -u)" = '0' ]; then
			exec gosu postgres "$BASH_SOURCE" "$@"
		fi
	fi
	exec "$@"
}

if ! _is_sourced; then
	_main "$@"
fi
`

const redisEntrypoint = `#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi
if [ "$1" = 'redis-server' -a "$(id -u)" = '0' ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi
exec "$@"
`

const passwd = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nredis:x:999:999::/home/redis:/bin/sh\npostgres:x:998:998::/var/lib/postgresql:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"

const shellFiles = "f 755 0:0 /bin/sh\nf 755 0:0 /bin/bash\nf 755 0:0 /usr/bin/env\nf 755 0:0 /usr/bin/gosu\nl /var/run /run\n"

var comment = "# " + strings.Repeat("x", 2000) + "\n"

var imageCases = []imageCase{
	{
		name:     "a guarded entrypoint that writes nothing",
		config:   evidence.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Command: []string{"redis-server"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/redis-server",
		contents: map[string]string{"/usr/bin/docker-entrypoint.sh": redisEntrypoint, "/etc/passwd": passwd},
	},
	{
		name:   "a guarded entrypoint with directories of its user",
		config: evidence.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Command: []string{"postgres"}, Env: []string{"PGDATA=/var/lib/postgresql/data"}, Volumes: []string{"/var/lib/postgresql/data"}},
		files: shellFiles + "f 755 0:0 /usr/bin/postgres\n" +
			"d 1777 998:998 /var/lib/postgresql/data\nd 3777 998:998 /run/postgresql",
		contents: map[string]string{"/usr/bin/docker-entrypoint.sh": postgresEntrypoint, "/etc/passwd": passwd},
		want: []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/run/postgresql"]}`,
		},
	},
	{
		name:     "an entrypoint without a guard",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, Command: []string{"redis-server"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/redis-server\nd 755 0:0 /data",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nchown -R redis:redis /data\nexec gosu redis \"$@\"\n", "/etc/passwd": passwd},
		want: []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/data"]}`,
			`breaks entrypoint-needs-root [capabilities.drop runAsNonRoot runAsUser] {"leave":["capabilities.drop","runAsNonRoot","runAsUser"]}`,
		},
	},
	{
		name:   "a file capability",
		config: evidence.Config{Entrypoint: []string{"/usr/bin/pinger"}, User: "1000"},
		files:  "f 755 0:0 /usr/bin/pinger cap=NET_RAW+ep",
		want:   []string{`breaks file-capability [capabilities.drop] {"leave":["capabilities.drop"]}`},
	},
	{
		name:   "a file capability in a sandbox",
		config: evidence.Config{Entrypoint: []string{"/usr/bin/pinger"}, User: "1000"},
		files:  "f 755 0:0 /usr/bin/pinger cap=NET_RAW+ep",
		edit:   func(c *evidence.Container) { c.Sandboxed = true },
		want:   []string{`risk file-capability [capabilities.drop] {"leave":["capabilities.drop"]}`},
	},
	{
		name:     "an entrypoint that exits unless it is root",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nif [ \"$(id -u)\" != 0 ]; then\n  echo root, please >&2\n  exit 1\nfi\nexec server\n"},
		want: []string{
			`breaks entrypoint-needs-root [runAsNonRoot runAsUser] {"leave":["runAsNonRoot","runAsUser"]}`,
		},
	},
	{
		name:     "an entrypoint that makes a directory",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nmkdir -p /srv/app/state\nexec server\n"},
		want:     []string{`breaks directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app"]}`},
	},
	{
		name:     "an entrypoint that makes a directory where it can",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 0:0 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nmkdir -p /srv/app/state || echo no state\nexec server\n"},
	},
	{
		name:     "an entrypoint that makes a directory if a variable says so",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 0:0 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nif [ -n \"$STATE\" ]; then mkdir -p /srv/app/state; fi\nexec server\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app"]}`},
	},
	{
		name:     "a subshell that exits unless it is root, which is asked about",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n( [ \"$(id -u)\" = 0 ] || exit 1 ) || echo not root\nexec server\n"},
	},
	{
		name:     "a subshell that exits unless it is root",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n( [ \"$(id -u)\" = 0 ] || exit 1 )\nexec server\n"},
		want: []string{
			`breaks entrypoint-needs-root [runAsNonRoot runAsUser] {"leave":["runAsNonRoot","runAsUser"]}`,
		},
	},
	{
		name:     "a substitution that exits unless it is root",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nWHO=$([ \"$(id -u)\" = 0 ] || exit 1; echo root)\nexec server $WHO\n"},
	},
	{
		name:     "the directory and the options of a subshell",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /srv/app\nd 755 1000:1000 /srv/other",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n(cd /srv/other; set +e; mkdir a)\ncd /srv/app\n(cd /srv/other)\nmkdir state\nexec server\n"},
		want:     []string{`breaks directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app","/srv/other"]}`},
	},
	{
		name:     "a directory in which a subshell was",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /opt/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n(cd /opt/app)\nHERE=$(cd /opt/app; pwd)\nmkdir -p state\nexec server\n"},
	},
	{
		name:     "what follows a subshell that may end the script",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n(if [ -n \"$X\" ]; then exit 1; fi)\nmkdir -p /srv/app/state\nexec server\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app"]}`},
	},
	{
		name:     "what follows a job, a pipe and a subshell",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\n(exec echo a)\necho a | exec cat\n{ exec cat; } &\nmkdir -p /srv/app/state\nexec server\n"},
		want:     []string{`breaks directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app"]}`},
	},
	{
		name:     "a main program whose failure the script asks about",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 700 1000:1000 /usr/bin/helper",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nV=$(/usr/bin/helper)\n. /lib/main.sh\n"},
		want:     []string{`risk program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:     "errexit that is taken back",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /srv/app",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -o errexit\nset +o errexit\nmkdir -p /srv/app/state\nexec server\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/srv/app"]}`},
	},
	{
		name:     "a copy over a file that it may write",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 664 0:0 /etc/server.conf\nf 644 0:0 /etc/other.conf",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\ncp /in /etc/server.conf\nexec server\n"},
		edit:     func(c *evidence.Container) { c.After.ReadOnlyRoot = false },
	},
	{
		name:     "a copy over a file that it may not write",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 775 0:0 /etc/server\nf 644 0:0 /etc/server/conf",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\ncp /in /etc/server/conf\nexec server\n"},
		edit:     func(c *evidence.Container) { c.After.ReadOnlyRoot = false },
		want:     []string{`breaks directory-owner [runAsNonRoot runAsUser] {"leave":["runAsNonRoot","runAsUser"]}`},
	},
	{
		name:     "a copy that first removes the file",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 775 0:0 /etc/server\nf 644 0:0 /etc/server/conf",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\ncp -f /in /etc/server/conf\nexec server\n"},
		edit:     func(c *evidence.Container) { c.After.ReadOnlyRoot = false },
	},
	{
		name:     "a search that may change no owner",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 755 0:0 /usr/bin/find\nd 755 33:0 /opt/data",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nfind /opt/data ! -user www-data -exec chown www-data {} +\nexec server\n", "/etc/passwd": passwd},
		edit: func(c *evidence.Container) {
			root := int64(0)
			c.After.User, c.After.NonRoot, c.After.Drop = &root, nil, nil
		},
		want: []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/opt/data"]}`},
	},
	{
		name:     "a change of owner on a read-only file system",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 755 33:0 /opt/data",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nchown www-data /opt/data\nexec server\n", "/etc/passwd": passwd},
		edit: func(c *evidence.Container) {
			root := int64(0)
			c.After.User, c.After.NonRoot, c.After.Drop = &root, nil, nil
		},
		want: []string{`breaks directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/opt/data"]}`},
	},
	{
		name:   "a program for others, and root of the manifest without its capabilities",
		config: evidence.Config{Entrypoint: []string{"/opt/run"}, User: "1000"},
		files:  "f 750 1000:1000 /opt/run",
		edit: func(c *evidence.Container) {
			root := int64(0)
			c.Before.User, c.After.User, c.After.NonRoot = &root, &root, nil
		},
		want: []string{`breaks program-not-executable [capabilities.drop] {"leave":["capabilities.drop"]}`},
	},
	{
		name:   "a program for group 0, and a group of the profile",
		config: evidence.Config{Entrypoint: []string{"/opt/run"}, User: "10001"},
		files:  "f 750 0:0 /opt/run",
		edit:   func(c *evidence.Container) { group := int64(10001); c.After.Group = &group },
		want:   []string{`breaks program-not-executable [runAsGroup] {"leave":["runAsGroup"]}`},
	},
	{
		name:     "a program that a variable of a ConfigMap may find elsewhere",
		config:   evidence.Config{Entrypoint: []string{"run"}, User: "1000", Env: []string{"PATH=/opt"}},
		files:    "f 700 1000:1000 /opt/run",
		contents: map[string]string{"/etc/passwd": passwd},
		edit:     func(c *evidence.Container) { c.OpenEnv = true },
		want:     []string{`risk program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:   "a program at a path, beside a ConfigMap",
		config: evidence.Config{Entrypoint: []string{"/opt/run"}, User: "1000"},
		files:  "f 700 1000:1000 /opt/run",
		edit:   func(c *evidence.Container) { c.OpenEnv = true },
		want:   []string{`breaks program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:   "a program found by the manifest's PATH, beside a ConfigMap",
		config: evidence.Config{Entrypoint: []string{"run"}, User: "1000"},
		files:  "f 700 1000:1000 /opt/run",
		edit: func(c *evidence.Container) {
			c.OpenEnv, c.Env = true, map[string]string{"PATH": "/opt"}
		},
		want: []string{`breaks program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:     "a user with root in its name, which nothing numbers",
		config:   evidence.Config{Entrypoint: []string{"/usr/bin/server"}, User: "nonroot"},
		files:    "f 755 0:0 /usr/bin/server",
		contents: map[string]string{"/etc/passwd": "root:x:0:0::/:\n"},
		edit:     func(c *evidence.Container) { c.After.User = nil },
		want:     []string{`breaks image-user-refused [runAsNonRoot]`},
	},
	{
		name:   "root by its name",
		config: evidence.Config{Entrypoint: []string{"/usr/bin/server"}, User: "root"},
		files:  "f 755 0:0 /usr/bin/server",
		edit:   func(c *evidence.Container) { c.After.User = nil },
		want:   []string{`breaks image-user-refused [runAsNonRoot] {"leave":["runAsNonRoot"]}`},
	},
	{
		name:   "two long scripts that begin alike",
		config: evidence.Config{Entrypoint: []string{"/bin/sh", "-c", "set -e\nsh -c '" + comment + ":'\nsh -c '" + comment + "mkdir /opt/data/x'\nexec server"}, User: "1000"},
		files:  shellFiles + "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /opt/data",
		want:   []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/opt/data"]}`},
	},
	{
		name:     "a copy to a directory that an option names",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 644 1000:1000 /opt/app/conf",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\ncp -t /tmp /opt/app/conf\nexec server\n"},
		edit:     func(c *evidence.Container) { c.After.ReadOnlyRoot = false },
	},
	{
		name:     "a setuid helper",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 4755 0:0 /usr/bin/sudo",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nsudo chown app /x\nexec server\n"},
		want: []string{
			`risk setuid-helper [allowPrivilegeEscalation capabilities.drop] {"leave":["allowPrivilegeEscalation","capabilities.drop"]}`,
		},
	},
	{
		name:     "a setuid helper that works without capabilities",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 4755 0:0 /usr/bin/fusermount",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nfusermount /x\nexec server\n"},
		want:     []string{`risk setuid-helper [allowPrivilegeEscalation] {"leave":["allowPrivilegeEscalation"]}`},
	},
	{
		name:   "sudo, and a user with a line in /etc/passwd",
		config: evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "app"},
		files:  shellFiles + "f 755 0:0 /usr/bin/server\nf 4755 0:0 /usr/bin/sudo",
		contents: map[string]string{
			"/entrypoint.sh": "#!/bin/sh\nset -e\nsudo chown app /x\nexec server\n", "/etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:998:998::/:/bin/sh\n",
		},
		want: []string{
			`risk no-account [runAsUser] {"container":{"runAsUser":998}}`,
			`risk setuid-helper [allowPrivilegeEscalation capabilities.drop] {"leave":["allowPrivilegeEscalation","capabilities.drop"]}`,
		},
	},
	{
		name:     "a script of which nothing tells what it ends with",
		config:   evidence.Config{Entrypoint: []string{"/opt/server/bin/run.sh"}, Env: []string{"SERVER_HOME=/opt/server"}},
		files:    shellFiles + "d 1777 0:0 /opt/server/work",
		contents: map[string]string{"/opt/server/bin/run.sh": "#!/bin/sh\nrunner=server\neval exec \"$runner\" \"$@\"\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/opt/server/work"]}`},
	},
	{
		name:     "keys of the host, beside other files",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 755 0:0 /usr/bin/ssh-keygen\nd 777 0:0 /etc/ssh\nf 644 0:0 /etc/ssh/sshd_config",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nssh-keygen -A\nexec server\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"leave":["readOnlyRootFilesystem"]}`},
	},
	{
		name:     "keys of the host, which are there",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nf 755 0:0 /usr/bin/ssh-keygen\nd 777 0:0 /etc/ssh\nf 600 0:0 /etc/ssh/ssh_host_ed25519_key",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nssh-keygen -A\nexec server\n"},
	},
	{
		name:     "a key that a script makes",
		config:   evidence.Config{Entrypoint: []string{"/entrypoint.sh"}, User: "1000"},
		files:    shellFiles + "f 755 0:0 /usr/bin/server\nd 777 0:0 /keys",
		contents: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nssh-keygen -q -t ed25519 -N '' -f /keys/id\nssh-keygen -y -f /keys/id\nexec server\n"},
		want:     []string{`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/keys"]}`},
	},
	{
		name:   "a file capability without the effective bit",
		config: evidence.Config{Entrypoint: []string{"/usr/bin/pinger"}, User: "1000"},
		files:  "f 755 0:0 /usr/bin/pinger cap=NET_RAW+p",
	},
	{
		name:   "a file capability that the manifest adds",
		config: evidence.Config{Entrypoint: []string{"/usr/bin/pinger"}, User: "1000"},
		files:  "f 755 0:0 /usr/bin/pinger cap=NET_RAW+ep",
		edit: func(c *evidence.Container) {
			c.Before.Add, c.After.Add = []string{"NET_RAW"}, []string{"NET_RAW"}
		},
	},
	{
		name:   "a program for its own user",
		config: evidence.Config{Entrypoint: []string{"/home/app/run"}, User: "1000"},
		files:  "d 700 1000:1000 /home/app\nf 755 1000:1000 /home/app/run",
		want:   []string{`breaks program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:     "a program for its own user by name",
		config:   evidence.Config{Entrypoint: []string{"/home/app/run"}, User: "app"},
		files:    "f 700 1000:1000 /home/app/run",
		contents: map[string]string{"/etc/passwd": passwd},
		want:     []string{`breaks program-not-executable [runAsUser] {"container":{"runAsUser":1000}}`},
	},
	{
		name:   "a program for everybody",
		config: evidence.Config{Entrypoint: []string{"/home/app/run"}, User: "1000"},
		files:  "d 711 1000:1000 /home/app\nf 711 1000:1000 /home/app/run",
	},
	{
		name:   "a relative program in a working directory below a closed one",
		config: evidence.Config{Entrypoint: []string{"./run"}, User: "1000", WorkingDir: "/home/app/bin"},
		files:  "d 700 1000:1000 /home/app\nd 755 1000:1000 /home/app/bin\nf 755 1000:1000 /home/app/bin/run",
		want:   []string{`risk working-directory-closed [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:   "an interpreter for its own user",
		config: evidence.Config{Entrypoint: []string{"/run.sh"}, User: "1000"},
		files:  "f 750 0:1000 /opt/sh\nf 755 0:0 /run.sh",
		contents: map[string]string{
			"/run.sh":     "#!/opt/sh\n",
			"/etc/passwd": passwd,
		},
		want: []string{`breaks program-not-executable [runAsUser] {"leave":["runAsUser"]}`},
	},
	{
		name:   "an empty directory of the profile over the program",
		config: evidence.Config{Entrypoint: []string{"/opt/app/run"}},
		files:  "f 755 0:0 /opt/app/run",
		edit: func(c *evidence.Container) {
			c.Mounts = []evidence.Mount{{Path: "/opt/app", Writable: true, Profile: true}}
		},
		want: []string{`breaks program-not-executable [readOnlyRootFilesystem] {"leave":["readOnlyRootFilesystem"]}`},
	},
	{
		name:   "logs and a PID file of root",
		config: evidence.Config{Entrypoint: []string{"nginx", "-g", "daemon off;"}},
		files: "f 755 0:0 /usr/sbin/nginx\nd 755 0:0 /var/lib/nginx\nd 755 0:4 /var/log/nginx\nf 640 33:4 /var/log/nginx/error.log\n" +
			"d 700 33:0 /var/lib/nginx/body",
		contents: map[string]string{"/etc/passwd": passwd, "/etc/nginx/nginx.conf": "pid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\n"},
		want: []string{
			`risk directory-read-only [readOnlyRootFilesystem] {"writablePaths":["/run","/var/lib/nginx","/var/log/nginx"]}`,
		},
	},
	{
		name:   "a directory that its own user could not write to either",
		config: evidence.Config{Entrypoint: []string{"server"}, User: "1000", Env: []string{"STATE=/var/lib/server/state"}},
		files:  "f 755 0:0 /usr/bin/server\nd 755 0:0 /var/lib/server",
	},
	{
		name:   "a directory with files",
		config: evidence.Config{Entrypoint: []string{"server"}, User: "1000", Env: []string{"STATE=/var/lib/server/state"}},
		files:  "f 755 0:0 /usr/bin/server\nd 755 1000:1000 /var/lib/server\nf 644 1000:1000 /var/lib/server/schema",
		want: []string{
			`risk directory-owner [runAsUser] {"leave":["runAsUser"]}`,
			`risk directory-read-only [readOnlyRootFilesystem] {"leave":["readOnlyRootFilesystem"]}`,
		},
	},
}

func TestImages(t *testing.T) {
	for _, tt := range imageCases {
		t.Run(tt.name, func(t *testing.T) {
			image := &evidence.Image{Digest: "sha256:image", Config: tt.config, Files: imagetest.New(t, tt.files, tt.contents)}
			var got []string
			for _, f := range evidence.Judge(hardened(tt.edit), &evidence.Facts{Image: image}) {
				if f.What == "" || f.Fix == "" || len(f.Evidence) == 0 {
					t.Errorf("%s says too little: %+v", f.ID, f)
				}
				got = append(got, found(f))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// Under a profile that changes nothing there is nothing to find.
func TestNothingChangesNothing(t *testing.T) {
	for _, tt := range imageCases {
		image := &evidence.Image{Config: tt.config, Files: imagetest.New(t, tt.files, tt.contents)}
		c := hardened(tt.edit)
		c.Before = c.After
		c.Mounts = slices.DeleteFunc(c.Mounts, func(m evidence.Mount) bool { return m.Profile })
		if got := evidence.Judge(c, &evidence.Facts{Image: image}); len(got) > 0 {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
