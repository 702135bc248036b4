// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// An Exception is what a profile does differently for some containers.
type Exception struct {
	Match         Match
	Leave         []*Field       // that get no default
	Container     []Default      // defaults in place of the profile's, or in addition to them
	WritablePaths []WritablePath // in addition to the profile's
	Reason        string         // why, in the words of who wrote the profile

	// For people, and never looked at in a decision.
	Owner    string // who answers for it
	ReviewBy string // the day until which somebody should look at it again, as 2026-12-31; empty: none
	Place    string // where it is written, as legacy.yaml:12; empty in a built-in profile
}

// Overdue reports whether the day to review the exception by is before today, which is
// written as 2026-12-31 is. On no day, "", nothing is overdue.
func (e *Exception) Overdue(today string) bool { return e.ReviewBy != "" && e.ReviewBy < today }

// containerDefaults returns the defaults for one container, in the order of
// [Fields].
func (p *Profile) containerDefaults(pod *Pod, c *Container) []Default {
	exceptions := p.ExceptionsFor(pod, c)
	if len(exceptions) == 0 {
		return p.Container
	}
	var defaults []Default
	for _, f := range catalogue {
		if d, found := containerDefault(f, p.Container, exceptions); found {
			defaults = append(defaults, d)
		}
	}
	return defaults
}

// ExceptionsFor returns the exceptions that match a container of a pod, in order.
func (p *Profile) ExceptionsFor(pod *Pod, c *Container) []*Exception {
	if len(p.Exceptions) == 0 {
		return nil
	}
	var matching []*Exception
	s := subject{profile: p, pod: pod, container: c}
	for i := range p.Exceptions {
		if e := &p.Exceptions[i]; e.Match.matches(&s) {
			matching = append(matching, e)
		}
	}
	return matching
}

// containerDefault finds the default for a field where there are exceptions: the
// first of them that names the field decides.
func containerDefault(f *Field, defaults []Default, exceptions []*Exception) (d Default, found bool) {
	d, found = FindDefault(defaults, f)
	for _, e := range exceptions {
		if slices.Contains(e.Leave, f) {
			// Where the profile has nothing for the field, there is nothing to leave.
			return Default{Field: f, Value: d.Value, Exception: e, Excepted: true}, found
		}
		if other, given := FindDefault(e.Container, f); given {
			return Default{Field: f, Value: other.Value, Exception: e}, true
		}
	}
	return d, found
}

// FindDefault returns the default for a field, if there is one among the defaults.
func FindDefault(defaults []Default, f *Field) (Default, bool) {
	i := slices.IndexFunc(defaults, func(d Default) bool { return d.Field == f })
	if i < 0 {
		return Default{}, false
	}
	return defaults[i], true
}

// podDefaults returns the defaults at pod level. An exception that leaves a field
// leaves it there too, if a container it matches would get the pod's value.
func (p *Profile) podDefaults(pod *Pod) []Default {
	if len(p.Exceptions) == 0 || len(p.Pod) == 0 {
		return p.Pod
	}
	defaults := slices.Clone(p.Pod)
	for i := range pod.Containers {
		c := &pod.Containers[i]
		exceptions := p.ExceptionsFor(pod, c)
		for j := range defaults {
			d := &defaults[j]
			if d.Excepted || c.SecurityContext.Sets(d.Field) {
				continue
			}
			for _, e := range exceptions {
				if slices.Contains(e.Leave, d.Field) {
					d.Exception, d.Excepted = e, true
					break
				}
				if _, given := FindDefault(e.Container, d.Field); given {
					break // an earlier exception gives the container a value of its own
				}
			}
		}
	}
	return defaults
}
