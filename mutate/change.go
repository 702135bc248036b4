// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"slices"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/wire"
)

// A Change is what a profile does to a pod, or would do.
type Change struct {
	Decisions []defaults.Decision // container by container, then the pod
	Mounts    []Mount             // in the order of containers
	Injected  *Injected           // nil where nothing is, or would be, filled in
	Skipped   *Skipped            // nil where nothing is skipped
	Refusals  []defaults.Refusal  // what the author asks to leave, and what stays a default

	profile string // its name
	scope   scope
	volumes *defaults.Volumes // nil where nothing is mounted
}

// A Mount is an emptyDir that keeps a path of a container writable.
type Mount struct {
	Container *defaults.Container
	defaults.WritablePath
	Exception *defaults.Exception // that asks for it; nil: the profile itself
}

// NewChange returns what the profile does to a pod that is created, or to those of
// a template, given as JSON; nil for a mirror pod, which nothing is done to. An
// error names the place below the given one. It is what the webhook itself does.
func NewChange(profile *defaults.Profile, place string, pod []byte) (*Change, error) {
	s, err := podScope(place, object{text: pod})
	if err != nil || s.pod == nil {
		return nil, err
	}
	return s.change(profile)
}

// change decides every default of the profile for everything in the scope, and
// what is to be mounted.
func (s scope) change(profile *defaults.Profile) (*Change, error) {
	c := &Change{profile: profile.Name, scope: s}
	switch {
	case s.pod == nil:
	case s.wholePod:
		c.Decisions = profile.Decide(s.pod)
	default:
		c.Decisions = profile.DecideAdded(s.pod, s.containers)
	}
	for _, d := range c.Decisions {
		if d.Container == nil || !d.MakesRootReadOnly() {
			continue
		}
		paths, by := profile.WritablePathsFor(s.pod, d.Container)
		if len(paths) == 0 {
			continue
		}
		if c.volumes == nil {
			volumes, err := defaults.ParseVolumes(s.object)
			if err != nil {
				return nil, wire.Located(s.place, err)
			}
			c.volumes = volumes
		}
		for _, w := range c.volumes.Uncovered(d.Container, paths) {
			m := Mount{Container: d.Container, WritablePath: w}
			if by != nil && slices.Contains(by.WritablePaths, w) {
				m.Exception = by
			}
			c.Mounts = append(c.Mounts, m)
		}
	}
	if s.pod != nil && len(s.containers) > 0 {
		c.Refusals = profile.Refusals(s.pod)
	}
	c.Injected, c.Skipped = records(profile.Name, c)
	return c, nil
}

// Containers returns the containers that were decided on.
func (c *Change) Containers() []*defaults.Container { return c.scope.containers }

// Windows reports whether the pod is for Windows nodes.
func (c *Change) Windows() bool { return c.scope.pod.Windows }

// Additions returns what the patch adds to the pod, value by value and without the
// annotation, for those who write it into a text.
func (c *Change) Additions() []jsonpatch.Operation {
	var additions []jsonpatch.Operation
	for _, o := range c.operations().operations {
		additions = append(additions, jsonpatch.NewOperation("add", o.pointer(), o.value))
	}
	return additions
}

// Patch returns the patch that makes the change, with the annotation on a new pod that
// says what was filled in; nil where there is nothing to fill in.
func (c *Change) Patch() []byte {
	if c.Injected == nil {
		return nil
	}
	p := c.operations()
	if pod := c.scope.pod; c.scope.wholePod {
		merged := c.Injected.mergedWith(pod.EarlierPass(), pod)
		if value := merged.String(); fits(pod.Annotations, InjectedAnnotation, value) {
			p.annotate(pod, InjectedAnnotation, value)
		}
	}
	return marshalPatch(p.folded())
}

func (c *Change) operations() *patch {
	// An operation for each default and each mount, two for the objects around the
	// defaults of a container, and a few for the pod.
	containers := len(c.scope.containers)
	p := patch{
		operations: make([]operation, 0, len(c.Decisions)+len(c.Mounts)+2*containers+4),
		added:      make(map[target]bool, 2*containers+4),
	}
	for _, d := range c.Decisions {
		if d.Outcome == defaults.Inject {
			p.inject(c.scope.pod, d)
		}
	}
	p.mount(c.Mounts, c.volumes)
	return &p
}
