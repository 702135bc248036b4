// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
)

var readOnlyRoot = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "read-only-root",
		Title:   "No place for temporary files",
		When:    "a container has no `emptyDir`, and nothing writable at `/tmp`; `readOnlyRootFilesystem: true` is injected",
		Because: "most applications write something: temporary files, a PID file, a cache",
		WayOut: "mount an emptyDir where it writes (often /tmp), or set readOnlyRootFilesystem: false, in the manifest; " +
			"or give the profile writablePaths",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if c.before.readOnlyRoot != nil || !isTrue(c.after.readOnlyRoot) {
			return "", ""
		}
		var data []string
		for _, m := range change.mountsOf(c.After) {
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

// noFilesThere are directories that images leave empty, or fill with nothing
// that a start needs.
var noFilesThere = []string{"/tmp", "/var/tmp", "/run", "/var/run", "/var/lock"}

var writablePathHides = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "writable-path-hides",
		Title:   "Files hidden by a writable path",
		When:    "one of the profile's `writablePaths` is mounted, other than `/tmp`, `/var/tmp`, `/run` and the like",
		Because: "an empty directory is mounted over what the image has there",
		WayOut: "if the image has files there that it needs, set readOnlyRootFilesystem: false in the manifest, " +
			"or except the image in the profile",
	},
	OfContainer: func(_ *change, c *containerChange) (what, wayOut string) {
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

// Such files belong to root and its group. A process whose user is not in the
// image's /etc/passwd has that group, unless something sets another. With
// fsGroup the kubelet changes their group and lets it read, but not run them.
var unreadableFiles = hazardRule{
	HazardInfo: HazardInfo{
		ID:      "unreadable-files",
		Title:   "Secret or config of root alone",
		When:    "a `secret`, `configMap`, `downwardAPI` or `projected` volume with a mode such as 0400 or 0700; `runAsUser` is injected",
		Because: "the files belong to root, and their mode lets nobody else read or run them; `fsGroup` lets its group read them",
		WayOut:  "set a mode that lets others read (0444) or run (0555) them, or, for reading, fsGroup, in the manifest",
	},
	OfContainer: func(change *change, c *containerChange) (what, wayOut string) {
		if !c.newUser() {
			return "", ""
		}
		hasFSGroup := podSecurityContext(&change.After.Spec).FSGroup != nil
		inGroup := hasFSGroup || c.after.group == nil || *c.after.group == 0
		may := func(mode, others, group int32) bool { return mode&others != 0 || inGroup && mode&group != 0 }
		var (
			mounts []string
			run    bool // one of them is meant to be run
		)
		for _, m := range change.mountsOf(c.After) {
			for _, mode := range fileModes(m.Source) {
				executable := mode&0o100 != 0
				if !hasFSGroup && !may(mode, 0o004, 0o040) || executable && !may(mode, 0o001, 0o010) {
					mounts = append(mounts, fmt.Sprintf("%s (mode %#o)", m, mode))
					run = run || executable
					break
				}
			}
		}
		if len(mounts) == 0 {
			return "", ""
		}
		if run {
			return fmt.Sprintf("as %s it may not be able to read or run what is in %s: the files belong to root", c.asUser(), few(unique(mounts))),
				"set a mode that lets others read and run the files (0555) in the manifest"
		}
		return fmt.Sprintf("as %s it may not be able to read %s: the files belong to root", c.asUser(), few(unique(mounts))),
			fmt.Sprintf("set fsGroup: %d in the pod's securityContext, or a mode that lets others read (0444), in the manifest", *c.after.user)
	},
}

// fileModes returns the modes that a volume's files have, by the manifest.
// Service account tokens are left out: the kubelet sees to it that the pod's
// user can read them.
func fileModes(s *corev1.VolumeSource) []int32 {
	if s == nil {
		return nil
	}
	var modes []int32
	add := func(mode *int32) {
		if mode != nil {
			modes = append(modes, *mode)
		}
	}
	keys := func(defaultMode *int32, items []corev1.KeyToPath) {
		if len(items) == 0 {
			add(defaultMode)
		}
		for _, item := range items {
			if item.Mode == nil {
				add(defaultMode)
			}
			add(item.Mode)
		}
	}
	downward := func(defaultMode *int32, items []corev1.DownwardAPIVolumeFile) {
		for _, item := range items {
			if item.Mode == nil {
				add(defaultMode)
			}
			add(item.Mode)
		}
	}
	switch {
	case s.Secret != nil:
		keys(s.Secret.DefaultMode, s.Secret.Items)
	case s.ConfigMap != nil:
		keys(s.ConfigMap.DefaultMode, s.ConfigMap.Items)
	case s.DownwardAPI != nil:
		downward(s.DownwardAPI.DefaultMode, s.DownwardAPI.Items)
	case s.Projected != nil:
		for _, source := range s.Projected.Sources {
			switch {
			case source.Secret != nil:
				keys(s.Projected.DefaultMode, source.Secret.Items)
			case source.ConfigMap != nil:
				keys(s.Projected.DefaultMode, source.ConfigMap.Items)
			case source.DownwardAPI != nil:
				downward(s.Projected.DefaultMode, source.DownwardAPI.Items)
			}
		}
	}
	return modes
}
