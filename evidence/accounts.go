// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"strconv"
	"strings"
)

// An account is a line of /etc/passwd.
type account struct {
	name     string
	uid, gid int64
}

// accounts returns the lines of the image's /etc/passwd, which may be a link.
func (v *view) accounts() []account {
	var all []account
	for fields := range v.lines("/etc/passwd") {
		if len(fields) < 4 {
			continue
		}
		uid, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			continue
		}
		all = append(all, account{name: fields[0], uid: uid, gid: gid})
	}
	return all
}

// accountOf returns the first account of a UID.
func (v *view) accountOf(uid int64) (account, bool) {
	return find(v.accounts(), func(a account) bool { return a.uid == uid })
}

// accountNamed returns the account of a name, or of a UID in digits.
func (v *view) accountNamed(name string) (account, bool) {
	if a, found := find(v.accounts(), func(a account) bool { return a.name == name }); found {
		return a, true
	}
	if uid, err := strconv.ParseInt(name, 10, 64); err == nil {
		if a, found := v.accountOf(uid); found {
			return a, true
		}
		return account{uid: uid}, true
	}
	return account{}, false
}

// groupsOf returns the groups of which /etc/group names the account as a member.
func (v *view) groupsOf(name string) []int64 {
	var groups []int64
	for fields := range v.lines("/etc/group") {
		if len(fields) < 4 || name == "" || !slices.Contains(strings.Split(fields[3], ","), name) {
			continue
		}
		if gid, err := strconv.ParseInt(fields[2], 10, 64); err == nil {
			groups = append(groups, gid)
		}
	}
	return groups
}

// lines calls for each line of a file of accounts, with its fields.
func (v *view) lines(path string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		at := v.resolve(path)
		if at.missing || at.mounted != nil {
			return
		}
		data, _ := v.files.Content(at.path)
		v.work.spend(len(data) / 8)
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") && !yield(strings.Split(line, ":")) {
				return
			}
		}
	}
}

func find[T any](list []T, is func(T) bool) (found T, ok bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	return found, false
}
