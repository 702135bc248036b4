// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"strings"
)

// A process is who runs in a container, and what it may do.
type process struct {
	uid, gid   int64
	groups     []int64
	account    string // its name in /etc/passwd; empty if there is no line
	hasAccount bool
	effective  []string // capabilities
	bounding   []string
	noNewPrivs bool
}

// DefaultCapabilities returns the capabilities that containerd gives a container.
func DefaultCapabilities() []string { return slices.Clone(defaultCapabilities) }

// defaultCapabilities are those that containerd gives a container (defaultUnixCaps in its
// pkg/oci). CRI-O gives fewer.
var defaultCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
	"NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

const allCapabilities = "ALL"

// firstProcess returns the process that the runtime starts; false if the image's user
// cannot be told. The group of the image's USER does not count: the kubelet asks the
// runtime for the user alone.
func (v *view) firstProcess(c *Container, s *Security, cfg *Config) (process, bool) {
	p := process{noNewPrivs: s.NoNewPrivs && !s.Privileged, bounding: bounding(s)}
	var a account
	switch {
	case s.User != nil:
		p.uid = *s.User
		a, p.hasAccount = v.accountOf(p.uid)
	default:
		name, _, _ := strings.Cut(cfg.User, ":")
		if name == "" {
			name = "0"
		}
		named, found := v.accountNamed(name)
		if !found {
			return p, false
		}
		p.uid = named.uid
		a, p.hasAccount = v.accountOf(p.uid)
	}
	p.account, p.gid = a.name, a.gid
	if s.Group != nil {
		p.gid = *s.Group
	}
	p.groups = slices.Clone(c.Groups)
	if !c.StrictGroups {
		p.groups = append(p.groups, v.groupsOf(p.account)...)
	}
	if p.uid == 0 {
		p.effective = p.bounding
	}
	return p, true
}

// become returns the process after it has changed its user, as gosu and its likes do.
func (v *view) become(p process, a account) process {
	known, has := v.accountOf(a.uid)
	p.uid, p.gid, p.account, p.hasAccount = a.uid, a.gid, known.name, has
	p.groups = v.groupsOf(known.name)
	if p.uid != 0 {
		p.effective = nil
	}
	return p
}

// bounding returns the capabilities that a container has by its settings, in the order in
// which containerd applies them.
func bounding(s *Security) []string {
	if s.Privileged {
		return []string{allCapabilities}
	}
	caps := slices.Clone(defaultCapabilities)
	if holds(s.Add, allCapabilities) {
		caps = []string{allCapabilities}
	}
	if holds(s.Drop, allCapabilities) {
		caps = nil
	}
	for _, added := range s.Add {
		if !strings.EqualFold(added, allCapabilities) {
			caps = append(caps, strings.ToUpper(added))
		}
	}
	return slices.DeleteFunc(caps, func(c string) bool { return c != allCapabilities && holds(s.Drop, c) })
}

// HasCapability reports whether a list of capabilities has this one. As runtimes do it leaves
// case aside.
func HasCapability(list []string, capability string) bool { return holds(list, capability) }

func holds(list []string, capability string) bool {
	return slices.ContainsFunc(list, func(c string) bool { return strings.EqualFold(c, capability) })
}

// can reports whether a capability is effective.
func (p *process) can(capability string) bool {
	return holds(p.effective, allCapabilities) || holds(p.effective, capability)
}

// mayGet reports whether a program that the process executes can get a capability.
func (p *process) mayGet(capability string) bool {
	return holds(p.bounding, allCapabilities) || holds(p.bounding, capability)
}

// What a process may want to do with a file.
const (
	read    = 4
	write   = 2
	execute = 1
)

// may reports whether the kernel lets a process do it with a file: by the bits of its
// owner, of its group or of others, whichever comes first; or by a capability.
func (p *process) may(f File, want int) bool {
	bits := int(f.Mode.Perm())
	switch {
	case f.UID == p.uid:
		bits >>= 6
	case f.GID == p.gid || slices.Contains(p.groups, f.GID):
		bits >>= 3
	}
	switch {
	case bits&want == want:
		return true
	case p.can("DAC_OVERRIDE"):
		return f.Mode.IsDir() || want&execute == 0 || f.Mode.Perm()&0o111 != 0
	case p.can("DAC_READ_SEARCH"):
		return f.Mode.IsDir() && want&write == 0 || want == read
	}
	return false
}

// search returns the first directory on the way to a location that the process may not
// search; "" if there is none.
func (v *view) search(p *process, l location) string {
	for _, dir := range l.dirs {
		if f, _ := v.stat(dir); !p.may(f, execute) {
			return dir
		}
	}
	return ""
}
