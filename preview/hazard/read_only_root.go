// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"path"
	"slices"

	"github.com/caseharden/caseharden/evidence"
)

var readOnlyRoot = rule{
	Cause: evidence.Cause{
		ID:       "read-only-root",
		Title:    "No place for temporary files",
		Settings: words("readOnlyRootFilesystem"),
		Severity: evidence.Medium,
		When: "a container has nothing writable at `/tmp` or at `/run`; `readOnlyRootFilesystem: true` is injected. " +
			"The verdict is `unknown` if the image was read, or is well known, and shows no need",
		Because: "most applications write something: temporary files, a PID file, a log, a cache. A volume elsewhere does not help them",
		Fix: "mount an emptyDir where it writes (often /tmp and /run), or set readOnlyRootFilesystem: false, in the manifest; " +
			"or give the profile writablePaths",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if c.before.readOnlyRoot != nil || !isTrue(c.after.readOnlyRoot) {
			return "", ""
		}
		writable := p.writablePathsOf(c)
		switch {
		case writable.covers("/tmp") && (writable.covers("/run") || writable.covers("/var/run")), writable.onPurpose:
			return "", ""
		case len(writable.paths) == 0:
			return "its root file system would be read-only, and no volume gives it a place to write, not even /tmp", ""
		}
		return fmt.Sprintf("its root file system would be read-only: it could write to %s at most", few(unique(writable.paths))), ""
	},
	Grade: func(p *Pair, c *containerPair) evidence.Severity {
		if p.writablePathsOf(c).covers("/tmp") {
			return evidence.Low
		}
		return evidence.Medium
	},
}

// writablePaths are where a container can write though its root file system is read-only.
type writablePaths struct {
	paths     []string
	onPurpose bool // the profile names one of them for what the image writes
}

func (p *Pair) writablePathsOf(c *containerPair) writablePaths {
	before := map[string]bool{}
	for _, m := range c.Before.VolumeMounts {
		before[m.MountPath] = true
	}
	var w writablePaths
	for _, m := range p.mountsOf(c.After) {
		if m.writable() {
			at := path.Clean("/" + m.Mount.MountPath)
			w.paths = append(w.paths, at)
			w.onPurpose = w.onPurpose || !before[m.Mount.MountPath] && !within(at, []string{"/tmp", "/var/tmp"})
		}
	}
	return w
}

// covers reports whether a volume lies at a directory or above it.
func (w writablePaths) covers(dir string) bool {
	return slices.ContainsFunc(w.paths, func(p string) bool { return within(dir, []string{p}) })
}
