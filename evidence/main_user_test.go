// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/imagetest"
)

// The files of a volume belong to the user as whom the main program runs.
func TestVolumesBelongToTheMainUser(t *testing.T) {
	image := &evidence.Image{
		Config: evidence.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Command: []string{"redis-server"}},
		Files: imagetest.New(t, shellFiles+"f 755 0:0 /usr/bin/redis-server",
			map[string]string{"/usr/bin/docker-entrypoint.sh": redisEntrypoint, "/etc/passwd": passwd}),
	}
	for _, tt := range []struct {
		name  string
		facts evidence.Facts
		want  string
	}{
		{"nothing is known", evidence.Facts{}, ""},
		{"the entrypoint changes its user", evidence.Facts{Image: image}, "999"},
		{"public facts", evidence.Facts{Known: &evidence.Known{UID: number(11)}}, "11"},
		{"the live status", evidence.Facts{Status: &evidence.Status{User: &evidence.User{UID: 12}}}, "12"},
		{"root", evidence.Facts{Status: &evidence.Status{User: &evidence.User{}}}, ""},
		{"the user of the profile", evidence.Facts{Status: &evidence.Status{User: &evidence.User{UID: 10001}}}, ""},
		{"the image before all", evidence.Facts{Image: image, Status: &evidence.Status{User: &evidence.User{UID: 0}}}, "999"},
	} {
		guess := evidence.Finding{ID: "volume-owner", Fix: "set fsGroup", Evidence: []evidence.Item{{Source: evidence.FromManifest, Text: "a volume"}}}
		got := evidence.OwnedByMainUser(guess, hardened(nil), &tt.facts)
		uid := ""
		if got.Exception != nil {
			uid = string(got.Exception.Container["runAsUser"])
		}
		if uid != tt.want || (len(got.Evidence) == 2) != (tt.want != "") {
			t.Errorf("%s: runAsUser is %q, want %q: %+v", tt.name, uid, tt.want, got)
		}
	}
}
