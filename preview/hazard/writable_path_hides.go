// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"path"

	"github.com/caseharden/caseharden/evidence"
)

var writablePathHides = rule{
	Info: Info{
		ID:       "writable-path-hides",
		Title:    "Files hidden by a writable path",
		Settings: words("readOnlyRootFilesystem"),
		Severity: evidence.Low,
		When:     "one of the profile's `writablePaths` is mounted, other than `/tmp`, `/var/tmp`, `/run` and the like",
		Because:  "an empty directory is mounted over what the image has there",
		Fix: "if the image has files there that it needs, set readOnlyRootFilesystem: false in the manifest, " +
			"or except the image in the profile",
	},
	OfContainer: func(_ *Pair, c *containerPair) (what, fix string) {
		before := map[string]bool{}
		for _, m := range c.Before.VolumeMounts {
			before[path.Clean("/"+m.MountPath)] = true
		}
		var paths []string
		for _, m := range c.After.VolumeMounts {
			if p := path.Clean("/" + m.MountPath); !before[p] && !within(p, noFilesThere) {
				paths = append(paths, m.MountPath)
			}
		}
		if len(paths) == 0 {
			return "", ""
		}
		return fmt.Sprintf("an empty directory would hide the files that its image may have in %s", listed(paths)), ""
	},
}

// noFilesThere are directories that images leave empty, or fill with nothing
// that a start needs.
var noFilesThere = []string{"/tmp", "/var/tmp", "/run", "/var/run", "/var/lock"}
