// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"path"
	"slices"
)

// A Match says which containers are meant: those for which everything holds that
// is given, and of a list at least one.
type Match struct {
	Containers       []string // globs of names, as path.Match has them
	ContainerTypes   []ContainerType
	Privileged       bool              // only containers with privileged: true
	AddsCapabilities bool              // only containers with something in capabilities.add
	RunAsNonRoot     bool              // only containers for which their author declares runAsNonRoot: true
	PodLabels        map[string]string // only containers of pods that have all these labels
	Images           []ImagePattern
}

// An ImagePattern says which images are meant, by their repositories. What the name of
// an image stands for is not known here: see [Profile.RepositoryOf].
type ImagePattern struct {
	Glob       string // as the profile has it
	Expression string // RE2, of the whole repository with a slash at its end
	Matches    func(repository string) bool
}

// matches reports whether a container is meant. What takes longer to find out comes
// later, and only if it matters.
func (m *Match) matches(s *subject) bool {
	c := s.container
	switch {
	case m.Privileged && !c.SecurityContext.Privileged,
		m.AddsCapabilities && len(c.SecurityContext.AddedCapabilities) == 0,
		len(m.ContainerTypes) > 0 && !slices.Contains(m.ContainerTypes, c.Type),
		m.RunAsNonRoot && !s.pod.DeclaresNonRoot(c):
		return false
	case len(m.Containers) > 0 && !slices.ContainsFunc(m.Containers, func(glob string) bool {
		matched, _ := path.Match(glob, c.Name) // a malformed glob is an error of its profile
		return matched
	}):
		return false
	case len(m.PodLabels) > 0 && !s.hasLabels(m.PodLabels):
		return false
	case len(m.Images) > 0 && !slices.ContainsFunc(m.Images, func(p ImagePattern) bool { return p.Matches(s.repository()) }):
		return false
	}
	return true
}

// A subject is a container for which exceptions are looked for. What only some of them ask
// for is found out when it is asked, and once.
type subject struct {
	profile   *Profile
	pod       *Pod
	container *Container

	image     string // its repository
	imageRead bool
}

// hasLabels reports whether the pod has all the labels.
func (s *subject) hasLabels(wanted map[string]string) bool {
	labels := s.pod.Labels()
	for key, value := range wanted {
		if got, found := labels[key]; !found || got != value {
			return false
		}
	}
	return true
}

func (s *subject) repository() string {
	if !s.imageRead {
		s.image, s.imageRead = s.profile.RepositoryOf(s.container.Image), true
	}
	return s.image
}
