// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComplaints(t *testing.T) {
	t.Parallel()
	got := complaints(`starting /srv/app/server
(13)Permission denied: AH00091: apache2: could not open error log file /var/log/apache2/error.log.
mktemp: failed to create file via template '/tmp/tmp.XXXX': Read-only file system
open("/var/run/app.pid"): Permission denied
/usr/bin/app: /etc/app/config: permission denied
open /data: permission denied
`)
	want := []string{"/run", "/tmp", "/var/log/apache2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}
