// SPDX-License-Identifier: Apache-2.0

package observe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/trial/observe"
)

func TestDirectories(t *testing.T) {
	t.Parallel()
	const log = `{"container":"aa","path":"/run/app","directory":true}
{"container":"aa","path":"/run/app/app.pid"}
{"container":"aa","path":"/tmp","directory":true}
{"container":"aa","path":"/var","directory":true}
{"container":"aa","path":"/var/cache","directory":true}
{"container":"aa","path":"/var/cache/app","directory":true}
{"container":"aa","path":"/var/cache/app/x"}
{"container":"aa","path":"/opt/made","directory":true}
{"container":"aa","path":"/tmp/x"}
{"container":"bb","path":"/var/other"}
{"path":"/srv/y"}
{"path":"/top"}
{"path":"relative"}
something else
`
	want := []string{"/opt", "/run/app", "/srv", "/tmp", "/var/cache/app"}
	if diff := cmp.Diff(want, observe.Directories(log, "aa")); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}
