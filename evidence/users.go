// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"strconv"
	"strings"
)

// A userChoice is a user that a container may have under an exception of the profile.
type userChoice struct {
	uid   *int64   // given by number; nil: that of the profile, or with leave the image's
	leave []string // runAsUser, and runAsNonRoot where the image's user is root
	root  bool
}

// users returns the users that are tried, the profile's first: the image's own user, the
// users that its entrypoint changes to, the owners of its directories, and root last.
func (s *study) users(before *run) []userChoice {
	choices := []userChoice{{}}
	given := profiledOf(s.c)
	if !given.user {
		if given.nonRoot && s.c.After.User == nil {
			if uid, numeric, known := s.imageUser(s.plain); known && uid != 0 && !numeric {
				choices = append(choices, userChoice{uid: &uid})
			}
			choices = append(choices, userChoice{leave: []string{runAsNonRoot}, root: true})
		}
		return choices
	}
	seen := map[int64]bool{*s.c.After.User: true}
	add := func(uid int64) {
		if uid != 0 && !seen[uid] {
			seen[uid] = true
			choices = append(choices, userChoice{uid: &uid})
		}
	}
	uid, numeric, known := s.imageUser(s.plain)
	if known && numeric && uid != 0 {
		seen[uid] = true
		choices = append(choices, userChoice{leave: []string{runAsUser}})
	}
	if known {
		add(uid)
	}
	if before != nil {
		for _, main := range before.mains {
			add(main.uid)
		}
		for _, d := range before.serviceDirectories() {
			add(d.file.UID)
		}
		choices = choices[:min(len(choices), 6)] // more users than these are no hint
	}
	if known && uid == 0 {
		root := []string{runAsUser}
		if given.nonRoot {
			root = []string{runAsNonRoot, runAsUser}
		}
		choices = append(choices, userChoice{leave: root, root: true})
	}
	return choices
}

// imageUser returns the user that the image names. A number is what the kubelet accepts
// under runAsNonRoot.
func (s *study) imageUser(v *view) (uid int64, numeric, known bool) {
	name, _, _ := strings.Cut(s.config.User, ":")
	if name == "" {
		return 0, true, true
	}
	if uid, err := strconv.ParseInt(name, 10, 64); err == nil {
		return uid, true, true
	}
	if v == nil {
		return 0, false, name == "root"
	}
	a, found := v.accountNamed(name)
	return a.uid, false, found
}

// named returns the number of a user that the image names.
func (s *study) named(v *view) *int64 {
	if uid, numeric, known := s.imageUser(v); known && !numeric {
		return &uid
	}
	return nil
}
