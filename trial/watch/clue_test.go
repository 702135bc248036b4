// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/trial/watch"
)

// Lines as real programs and container runtimes write them.
func TestClues(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]watch.Clue{
		`nginx: [emerg] open() "/var/run/nginx.pid" failed (30: Read-only file system)`:        {Symptom: watch.ReadOnly, Path: "/var/run/nginx.pid"},
		`touch: cannot touch '/tmp/x': Read-only file system`:                                  {Symptom: watch.ReadOnly, Path: "/tmp/x"},
		`/docker-entrypoint.sh: line 5: /etc/app.conf: Read-only file system`:                  {Symptom: watch.ReadOnly, Path: "/etc/app.conf"},
		`open /run/app/x: read-only file system`:                                               {Symptom: watch.ReadOnly, Path: "/run/app/x"},
		`OSError: [Errno 30] Read-only file system: '/app/.cache'`:                             {Symptom: watch.ReadOnly, Path: "/app/.cache"},
		`Error: EROFS: read-only file system, mkdir '/srv/data'`:                               {Symptom: watch.ReadOnly, Path: "/srv/data"},
		`nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (13: Permission denied)`: {Symptom: watch.Denied, Path: "/var/cache/nginx/client_temp"},
		`2026/01/02 03:04:05 [emerg] 1#1: bind() to 0.0.0.0:80 failed (13: Permission denied)`: {Symptom: watch.Denied},
		`java.nio.file.AccessDeniedException: /opt/app/logs/x.log`:                             {Symptom: watch.Denied, Path: "/opt/app/logs/x.log"},
		`chown: changing ownership of '/data': Operation not permitted`:                        {Symptom: watch.NotPermitted, Path: "/data"},
		`error: failed switching to "redis": operation not permitted`:                          {Symptom: watch.NotPermitted},
		`setgid(65534) failed`:                        {Symptom: watch.NotPermitted},
		`exec /usr/bin/ping: operation not permitted`: {Symptom: watch.NotPermitted, Path: "/usr/bin/ping"},
		`container has runAsNonRoot and image will run as root (pod: "x_y(z)", container: app)`: {Symptom: watch.NeedsRoot},
		`This script must be run as root`:                                {Symptom: watch.NeedsRoot},
		`could not look up effective user ID 10001: user does not exist`: {Symptom: watch.NoUser},
		`I have no name! whoami: cannot find name for user ID 10001`:     {Symptom: watch.NoUser},
		`Bad system call (core dumped)`:                                  {Symptom: watch.BadCall},
	} {
		clues := watch.Clues("app", line+"\n")
		want.Container, want.Line = "app", line
		if diff := cmp.Diff([]watch.Clue{want}, clues); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// What servers say that work.
func TestNoClues(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`listening on 0.0.0.0:8080`,
		`Ready to accept connections`,
		`database system is ready to accept connections`,
		`GET /permissions HTTP/1.1 200`,
		`errno 113 while connecting to upstream`,
		`user admin logged in`,
		`started as pid 1`,
	} {
		if clues := watch.Clues("app", line); len(clues) > 0 {
			t.Errorf("%q: %+v, want no clue", line, clues)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/var/run/nginx.pid": "/var/run", "/tmp/x": "/tmp", "/x": "", "": "", "/dev/shm/x": "", "/proc/1/x": "", "/devices/x": "/devices",
		"/etc/app.conf": "", "/etc/app/app.conf": "/etc/app", "/var/lib/x": "", "/var/lib/app/x": "/var/lib/app", "/usr/lib/x": "",
	} {
		if got := watch.Directory(path); got != want {
			t.Errorf("Directory(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestNormaliseForgetsNumbers(t *testing.T) {
	t.Parallel()
	a := watch.Normalise("2026-01-02 03:04:05 [12]  open /tmp/x: permission denied")
	b := watch.Normalise("2027-11-12 13:14:15 [345] open /tmp/x: permission denied")
	if a != b {
		t.Errorf("%q and %q differ", a, b)
	}
}
