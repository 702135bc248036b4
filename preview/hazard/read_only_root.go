// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"path"

	"github.com/caseharden/caseharden/evidence"
)

var readOnlyRoot = rule{
	Info: Info{
		ID:       "read-only-root",
		Title:    "No place for temporary files",
		Settings: words("readOnlyRootFilesystem"),
		Severity: evidence.Medium,
		When:     "a container has no `emptyDir`, and nothing writable at `/tmp`; `readOnlyRootFilesystem: true` is injected",
		Because:  "most applications write something: temporary files, a PID file, a cache",
		Fix: "mount an emptyDir where it writes (often /tmp), or set readOnlyRootFilesystem: false, in the manifest; " +
			"or give the profile writablePaths",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if c.before.readOnlyRoot != nil || !isTrue(c.after.readOnlyRoot) {
			return "", ""
		}
		var data []string
		for _, m := range p.mountsOf(c.After) {
			switch {
			case !m.writable():
			case m.Kind == scratch || path.Clean(m.Mount.MountPath) == "/tmp":
				return "", ""
			default:
				data = append(data, m.Mount.MountPath)
			}
		}
		if len(data) == 0 {
			return "its root file system would be read-only, and no volume gives it a place to write, not even /tmp", ""
		}
		return fmt.Sprintf("its root file system would be read-only: it could write to %s at most, and not to /tmp, /run and the like",
			few(unique(data))), ""
	},
}
