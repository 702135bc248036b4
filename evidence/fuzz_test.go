// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// Images are the work of unknown authors: whatever their entrypoints, accounts and links
// are, judging them ends, and each finding is whole.
func FuzzJudge(f *testing.F) {
	f.Add(redisEntrypoint, passwd, "redis-server", "/data", "app")
	f.Add(postgresEntrypoint, passwd, "postgres", "loop/../x", "998")
	f.Add("#!/bin/sh\nset -e\nmkdir -p /run/x; cd /srv; ./run; exec \"$0\" \"$@\"", "::::\nroot", "/entrypoint.sh", "/link", "")
	f.Fuzz(func(t *testing.T, script, accounts, command, link, user string) {
		if link == "" {
			link = "/"
		}
		files := imagetest.New(t, shellFiles+"f 755 0:0 /usr/bin/server\nd 700 999:999 /data\n",
			map[string]string{"/entrypoint.sh": script, "/etc/passwd": accounts})
		files.Link("/link", link)
		files.Link("/data/link", link)
		image := &evidence.Image{Files: files, Config: evidence.Config{
			User: user, Entrypoint: []string{"/entrypoint.sh"}, Command: []string{command, "/link/x"}, WorkingDir: link, Volumes: []string{link},
			Env: []string{"STATE=" + link, "HOME=/data/link"},
		}}
		for _, finding := range evidence.Judge(hardened(nil), &evidence.Facts{Image: image}) {
			if finding.ID == "" || finding.What == "" || finding.Fix == "" || len(finding.Settings) == 0 || len(finding.Evidence) == 0 {
				t.Errorf("it says too little: %+v", finding)
			}
		}
	})
}
