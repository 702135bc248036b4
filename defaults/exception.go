// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"path"
	"slices"
	"sync"
)

// An Exception is what a profile does differently for some containers.
type Exception struct {
	Match     Match
	Leave     []*Field  // that get no default
	Container []Default // defaults in place of the profile's, or besides them
	Reason    string    // why, in the words of who wrote the profile
}

// A Match says which containers are meant: those for which everything holds that
// is given, and of a list at least one.
type Match struct {
	Containers     []string // globs of names, as path.Match has them
	ContainerTypes []ContainerType
	Privileged     bool // only containers with privileged: true
	Images         []ImagePattern
}

// An ImagePattern says which images are meant, by their repositories. What the name of
// an image stands for is not known here: see [Profile.RepositoryOf].
type ImagePattern struct {
	Glob    string // as the profile has it
	Matches func(repository string) bool
}

// matches reports whether a container is meant. It asks for the repository of the
// container's image only if that matters.
func (m *Match) matches(c *Container, repository func() string) bool {
	switch {
	case len(m.Containers) > 0 && !slices.ContainsFunc(m.Containers, func(glob string) bool {
		matched, _ := path.Match(glob, c.Name) // a malformed glob is an error of its profile
		return matched
	}):
		return false
	case len(m.ContainerTypes) > 0 && !slices.Contains(m.ContainerTypes, c.Type):
		return false
	case m.Privileged && !c.SecurityContext.Privileged:
		return false
	case len(m.Images) > 0 && !slices.ContainsFunc(m.Images, func(p ImagePattern) bool { return p.Matches(repository()) }):
		return false
	}
	return true
}

// containerDefaults returns the defaults for one container, in the order of
// [Fields].
func (p *Profile) containerDefaults(c *Container) []Default {
	exceptions := p.exceptionsFor(c)
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

// exceptionsFor returns the exceptions that match a container, in order.
func (p *Profile) exceptionsFor(c *Container) []*Exception {
	if len(p.Exceptions) == 0 {
		return nil
	}
	var matching []*Exception
	repository := sync.OnceValue(func() string { return p.RepositoryOf(c.Image) })
	for i := range p.Exceptions {
		if e := &p.Exceptions[i]; e.Match.matches(c, repository) {
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
			return Default{Field: f, Value: d.Value, Exception: e, Left: true}, found
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
		exceptions := p.exceptionsFor(c)
		for j := range defaults {
			d := &defaults[j]
			if d.Left || c.SecurityContext.Sets(d.Field) {
				continue
			}
			for _, e := range exceptions {
				if slices.Contains(e.Leave, d.Field) {
					d.Exception, d.Left = e, true
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
