// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/json"
	"slices"
	"strconv"
)

// A candidate is what an exception of a profile could change for a container.
type candidate struct {
	leave    []string // fields, sorted
	user     *int64   // runAsUser
	writable []string // paths
	hides    int      // of these, volumes of the image, whose owner has access already
}

// cost ranks changes: first by how many settings differ, and a setting with another value
// counts less than one that is gone.
func (c *candidate) cost() int {
	cost := 30*len(c.leave) + len(c.writable) + 25*c.hides
	if c.user != nil {
		cost += 20
	}
	if len(c.writable) > 0 {
		cost += 10
	}
	return cost
}

// A profiled says which settings of a container the profile decides.
type profiled struct {
	user, nonRoot, drop, readOnly, noNewPrivs, group bool
}

func profiledOf(c *Container) profiled {
	b, a := &c.Before, &c.After
	return profiled{
		user:       b.User == nil && a.User != nil,
		nonRoot:    b.NonRoot == nil && a.NonRoot != nil && *a.NonRoot,
		drop:       len(b.Drop) == 0 && len(a.Drop) > 0,
		readOnly:   !b.ReadOnlyRoot && a.ReadOnlyRoot,
		noNewPrivs: !b.NoNewPrivs && a.NoNewPrivs,
		group:      b.Group == nil && a.Group != nil,
	}
}

// with returns the settings of the container under the profile with a change.
func (c *Container) with(ch *candidate) Security {
	s := c.After
	for _, field := range ch.leave {
		switch field {
		case runAsUser:
			s.User = c.Before.User
		case runAsNonRoot:
			s.NonRoot = c.Before.NonRoot
		case capabilitiesDrop:
			s.Drop = c.Before.Drop
		case readOnlyRoot:
			s.ReadOnlyRoot = c.Before.ReadOnlyRoot
		case noEscalation:
			s.NoNewPrivs = c.Before.NoNewPrivs
		case runAsGroup:
			s.Group = c.Before.Group
		}
	}
	if ch.user != nil {
		s.User = ch.user
	}
	return s
}

// The fields that exceptions are about.
const (
	capabilitiesDrop = "capabilities.drop"
	noEscalation     = "allowPrivilegeEscalation"
	readOnlyRoot     = "readOnlyRootFilesystem"
	runAsGroup       = "runAsGroup"
	runAsNonRoot     = "runAsNonRoot"
	runAsUser        = "runAsUser"
)

// fields returns the settings in which a changed profile differs.
func (c *candidate) fields() []string {
	fields := slices.Clone(c.leave)
	if c.user != nil {
		fields = append(fields, runAsUser)
	}
	if len(c.writable) > 0 {
		fields = append(fields, readOnlyRoot)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// without returns the change without what it does to a field.
func (c *candidate) without(field string) *candidate {
	less := &candidate{user: c.user, writable: c.writable}
	for _, f := range c.leave {
		if f != field {
			less.leave = append(less.leave, f)
		}
	}
	switch field {
	case runAsUser:
		less.user = nil
	case readOnlyRoot:
		less.writable = nil
	}
	return less
}

// only returns what the change does to some fields, as an exception of a profile.
func (c *candidate) only(fields []string) *Exception {
	e := &Exception{}
	for _, f := range c.leave {
		if slices.Contains(fields, f) {
			e.Leave = append(e.Leave, f)
		}
	}
	if c.user != nil && slices.Contains(fields, runAsUser) {
		e.Container = map[string]json.RawMessage{runAsUser: json.RawMessage(strconv.FormatInt(*c.user, 10))}
	}
	if slices.Contains(fields, readOnlyRoot) {
		e.WritablePaths = c.writable
	}
	if len(e.Leave) == 0 && len(e.Container) == 0 && len(e.WritablePaths) == 0 {
		return nil
	}
	return e
}

// smallest returns the change with the lowest sum of remaining troubles and cost.
// A setting is not given up for less than a reason that weighs as much.
func (s *study) smallest(users []userChoice, profile *run, baseline []trouble) *candidate {
	given := profiledOf(s.c)
	var best *candidate
	least := 0
	try := func(ch *candidate) {
		if total := s.weight(ch, baseline) + ch.cost(); best == nil || total < least {
			best, least = ch, total
		}
	}
	has := func(cause *Cause) bool {
		return slices.ContainsFunc(profile.troubles, func(t trouble) bool { return t.cause == cause })
	}
	options := func(is bool, field string) []string {
		if is {
			return []string{"", field}
		}
		return []string{""}
	}
	root := s.c.After.User != nil && *s.c.After.User == 0
	byGroup := has(programNotExecutable) || has(workingDirectoryClosed) || has(directoryOfOthers)
	for _, user := range users {
		for _, drop := range options(given.drop && (root || user.root || has(fileCapability) || has(setuidHelper) || has(entrypointNeedsRoot)), capabilitiesDrop) {
			for _, escalation := range options(given.noNewPrivs && has(setuidHelper), noEscalation) {
				for _, group := range options(given.group && byGroup, runAsGroup) {
					ch := &candidate{user: user.uid, leave: slices.Clone(user.leave)}
					for _, field := range []string{drop, escalation, group} {
						if field != "" {
							ch.leave = append(ch.leave, field)
						}
					}
					slices.Sort(ch.leave)
					try(ch)
					if !given.readOnly {
						continue
					}
					if paths, hides := s.writablePaths(ch, baseline); len(paths) > 0 {
						try(&candidate{user: ch.user, leave: ch.leave, writable: paths, hides: hides})
					}
					left := slices.Sorted(slices.Values(append(slices.Clone(ch.leave), readOnlyRoot)))
					try(&candidate{user: ch.user, leave: left})
				}
			}
		}
	}
	return best
}

// weight is how much is in the way under the profile with a change.
func (s *study) weight(ch *candidate, baseline []trouble) int {
	r, ok := s.under(s.c.with(ch), ch.writable)
	if !ok {
		return 1 << 20
	}
	total := 0
	for _, t := range withoutBaseline(r.troubles, baseline) {
		total += t.weight()
	}
	if why, _ := refused(s.config, s.c.with(ch), s.named(s.plain)); why != "" {
		total += 1000
	}
	return total
}

// writablePaths returns the directories where an emptyDir would help, and hides nothing. It
// counts those that are closed for their owner alone: another user is the better answer.
func (s *study) writablePaths(ch *candidate, baseline []trouble) (paths []string, hides int) {
	r, ok := s.under(s.c.with(ch), nil)
	if !ok {
		return nil, 0
	}
	troubles := withoutBaseline(r.troubles, baseline)
	for _, t := range troubles {
		if t.dir == "" || slices.Contains(paths, t.dir) || !r.canHide(t.dir) {
			continue
		}
		isReadOnly := slices.ContainsFunc(troubles, func(o trouble) bool { return o.cause == directoryReadOnly && o.dir == t.dir })
		switch {
		case isReadOnly:
		case t.severity == Low:
			continue
		default:
			hides++
		}
		paths = append(paths, t.dir)
	}
	slices.Sort(paths)
	return paths, hides
}

// withoutBaseline leaves out what is in the way already as the manifest is. A directory that
// is closed to the container does not matter more for being read-only.
func withoutBaseline(troubles, baseline []trouble) []trouble {
	return slices.DeleteFunc(slices.Clone(troubles), func(t trouble) bool {
		return slices.ContainsFunc(baseline, func(b trouble) bool {
			return b.key == t.key && (b.cause == t.cause || b.cause == directoryOfOthers && t.cause == directoryReadOnly)
		})
	})
}
