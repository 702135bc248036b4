// SPDX-License-Identifier: Apache-2.0

package known

import (
	"math"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

// fields are the facts that an entry or a variant can have. Each reads a value, reports what
// is wrong with it, and returns what sets it; nil if the value is wrong.
var fields = map[string]func(value) func(*evidence.Known){
	"versions": text(func(k *evidence.Known) *string { return &k.Versions }, `[^\s].*`, "the versions that were read, such as 1.25 to 1.29"),
	"source":   list(func(k *evidence.Known) *[]string { return &k.Source }, address),
	"uid":      id(func(k *evidence.Known) **int64 { return &k.UID }),
	"gid":      id(func(k *evidence.Known) **int64 { return &k.GID }),
	"user":     user,

	"base":         fact(func(k *evidence.Known) *bool { return &k.Base }),
	"startsAsRoot": fact(func(k *evidence.Known) *bool { return &k.StartsAsRoot }),
	"guarded":      fact(func(k *evidence.Known) *bool { return &k.Guarded }),
	"anyUser":      fact(func(k *evidence.Known) *bool { return &k.AnyUser }),

	"readOnlyRoot": fact(func(k *evidence.Known) *bool { return &k.ReadOnlyRoot }),

	"writes":   sorted(func(k *evidence.Known) *[]string { return &k.Writes }, directory),
	"rewrites": sorted(func(k *evidence.Known) *[]string { return &k.Rewrites }, directory),
	"data":     sorted(func(k *evidence.Known) *[]string { return &k.Data }, directory),
	"volumes":  sorted(func(k *evidence.Known) *[]string { return &k.Volumes }, directory),

	"fileCapabilities": sorted(func(k *evidence.Known) *[]string { return &k.FileCapabilities }, capability),
	"capabilities":     sorted(func(k *evidence.Known) *[]string { return &k.Capabilities }, capability),
	"lowPorts":         sorted(func(k *evidence.Known) *[]int { return &k.LowPorts }, lowPort),
	"note":             text(func(k *evidence.Known) *string { return &k.Note }, `[A-Za-z/].{1,200}[^.]`, "one sentence without its full stop, in at most 200 characters"),
}

// text reads a string that the pattern matches as a whole.
func text(field func(*evidence.Known) *string, pattern, be string) func(value) func(*evidence.Known) {
	whole := regexp.MustCompile("^(" + pattern + ")$")
	return func(v value) func(*evidence.Known) {
		s, ok := decode[string](v, be)
		if !ok {
			return nil
		}
		if !whole.MatchString(s) {
			v.errorf("must be %s", be)
			return nil
		}
		return func(k *evidence.Known) { *field(k) = s }
	}
}

// user reads USER of an image. The image's facts have none where that is root.
func user(v value) func(*evidence.Known) {
	set := text(func(k *evidence.Known) *string { return &k.User }, `[a-z0-9_][a-z0-9_.:-]*`, `USER as the image has it, such as nginx or "101"`)(v)
	if v.node.Value == "root" {
		return func(k *evidence.Known) { k.User = "" }
	}
	return set
}

// id reads a UID or a GID. The kubelet takes none above 2147483647.
func id(field func(*evidence.Known) **int64) func(value) func(*evidence.Known) {
	return func(v value) func(*evidence.Known) {
		n, ok := decode[int64](v, "a number from 0 to 2147483647")
		if !ok {
			return nil
		}
		if n < 0 || n > math.MaxInt32 {
			v.errorf("must be a number from 0 to 2147483647")
			return nil
		}
		return func(k *evidence.Known) { *field(k) = &n }
	}
}

// fact reads true or false. Only a variant needs false, where its image has true.
func fact(field func(*evidence.Known) *bool) func(value) func(*evidence.Known) {
	return func(v value) func(*evidence.Known) {
		b, ok := decode[bool](v, "true or false")
		if !ok {
			return nil
		}
		return func(k *evidence.Known) { *field(k) = b }
	}
}

// list reads a list in which no item comes twice.
func list[T comparable](field func(*evidence.Known) *[]T, read func(value) (T, bool)) func(value) func(*evidence.Known) {
	return func(v value) func(*evidence.Known) {
		var all []T
		for _, item := range v.items() {
			t, ok := read(item)
			if !ok {
				continue
			}
			if slices.Contains(all, t) {
				item.errorf("is there twice")
			}
			all = append(all, t)
		}
		return func(k *evidence.Known) { *field(k) = all }
	}
}

// sorted reads a list in which no item comes twice, and which is sorted. It may be empty in
// a variant, where its image has items.
func sorted[T int | string](field func(*evidence.Known) *[]T, read func(value) (T, bool)) func(value) func(*evidence.Known) {
	whole := list(field, read)
	return func(v value) func(*evidence.Known) {
		if v.node.Tag == "!!seq" && len(v.node.Content) == 0 {
			return func(k *evidence.Known) { *field(k) = nil }
		}
		set := whole(v)
		var k evidence.Known
		if set(&k); !slices.IsSorted(*field(&k)) {
			v.errorf("must be sorted")
		}
		return set
	}
}

func address(v value) (string, bool) {
	const be = "an address that begins with https://"
	s, ok := decode[string](v, be)
	if !ok {
		return "", false
	}
	if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" || len(u.Path) < 2 {
		v.errorf("must be %s", be)
		return "", false
	}
	return s, true
}

func directory(v value) (string, bool) {
	const be = "an absolute path without .., such as /var/lib/mysql"
	s, ok := decode[string](v, be)
	if ok && (s == "/" || !path.IsAbs(s) || path.Clean(s) != s) {
		v.errorf("must be %s", be)
		ok = false
	}
	return s, ok
}

func capability(v value) (string, bool) {
	const be = "a capability without CAP_, such as NET_BIND_SERVICE"
	s, ok := decode[string](v, be)
	if ok && !slices.Contains(capabilities, s) {
		v.errorf("must be %s", be)
		ok = false
	}
	return s, ok
}

func lowPort(v value) (int, bool) {
	const be = "a number from 1 to 1023"
	n, ok := decode[int](v, be)
	if ok && (n < 1 || n > 1023) {
		v.errorf("must be %s", be)
		ok = false
	}
	return n, ok
}

// globs reads the tags of a variant.
func globs(v value) []string {
	var all []string
	for _, item := range v.items() {
		s, ok := decode[string](item, "a glob of tags, such as *-alpine*")
		if _, err := path.Match(s, ""); ok && (s == "" || err != nil || strings.ContainsAny(s, ":/ ")) {
			item.errorf("must be a glob of tags, such as *-alpine*")
			ok = false
		}
		if ok {
			all = append(all, s)
		}
	}
	return all
}

// capabilities are those of Linux 6 (include/uapi/linux/capability.h).
var capabilities = strings.Fields(`
	AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
	FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN
	NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT
	SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`)
