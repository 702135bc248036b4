// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
)

// Such files belong to root and its group. A process whose user is not in the
// image's /etc/passwd has that group, unless something sets another. With
// fsGroup the kubelet changes their group and lets it read, but not run them.
var unreadableFiles = rule{
	Cause: evidence.Cause{
		ID:       "unreadable-files",
		Title:    "Secret or config of root alone",
		Settings: words("runAsUser"),
		Severity: evidence.High,
		When:     "a `secret`, `configMap`, `downwardAPI` or `projected` volume with a mode such as 0400 or 0700; `runAsUser` is injected",
		Because:  "the files belong to root, and their mode lets no other user read or run them; `fsGroup` lets its group read them",
		Fix:      "set a mode that lets others read (0444) or run (0555) them, or, for reading, fsGroup, in the manifest",
	},
	OfContainer: func(p *Pair, c *containerPair) (what, fix string) {
		if !c.newUser() {
			return "", ""
		}
		hasFSGroup := podSecurityContext(&p.After.Spec).FSGroup != nil
		inGroup := hasFSGroup || c.after.group == nil || *c.after.group == 0
		may := func(mode, others, group int32) bool { return mode&others != 0 || inGroup && mode&group != 0 }
		var (
			mounts []string
			run    bool // one of them is meant to be run
		)
		for _, m := range p.mountsOf(c.After) {
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
