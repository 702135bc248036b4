// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
)

// The directories of an image that stays root belong to root. A profile cannot give
// runAsUser: 0, so the exception leaves what keeps root away.
func TestKnownDirectoriesOfRoot(t *testing.T) {
	t.Parallel()
	root, yes := int64(0), true
	known := &evidence.Known{Image: "docker.io/minio/minio", UID: &root, Data: []string{"/data"}, Volumes: []string{"/data"}}
	for name, tt := range map[string]struct {
		edit func(c *evidence.Container)
		want []string
	}{
		"runAsNonRoot and runAsUser are filled in": {nil, []string{
			`risk directory-owner [runAsNonRoot runAsUser] {"leave":["runAsNonRoot","runAsUser"]}`,
		}},
		"runAsNonRoot is the author's": {func(c *evidence.Container) { c.Before.NonRoot = &yes }, []string{
			`risk directory-owner [runAsUser] {"leave":["runAsUser"]}`,
		}},
		"it stays root": {func(c *evidence.Container) { c.After.User, c.After.NonRoot = &root, nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range evidence.Judge(hardened(tt.edit), &evidence.Facts{Known: known}) {
				got = append(got, found(f))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Judge (-want +got):\n%s", diff)
			}
		})
	}
}
