// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"gomodules.xyz/jsonpatch/v2"

	"github.com/caseharden/caseharden/defaults"
)

// A Change is what a profile does to a pod, or would do.
type Change struct {
	Decisions []defaults.Decision // container by container, then the pod
	Mounts    []Mount             // in the order of containers

	containers []*defaults.Container

	pod     *defaults.Pod
	volumes *defaults.Volumes // nil where nothing is mounted
}

// A Mount is an emptyDir that keeps a path of a container writable.
type Mount struct {
	Container *defaults.Container
	defaults.WritablePath
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
	c := &Change{containers: s.containers, pod: s.pod, Decisions: make([]defaults.Decision, 0, len(s.containers)*len(profile.Container)+len(profile.Pod))}
	for _, container := range s.containers {
		decisions := profile.DecideContainer(s.pod, container)
		c.Decisions = append(c.Decisions, decisions...)
		if len(profile.WritablePaths) == 0 || container.Type == defaults.Ephemeral || !defaults.ReadOnlyRootInjected(decisions) {
			continue
		}
		if c.volumes == nil {
			volumes, err := defaults.ParseVolumes(s.object)
			if err != nil {
				return nil, Located(s.place, err)
			}
			c.volumes = volumes
		}
		for _, w := range profile.WritablePathsFor(container, c.volumes) {
			c.Mounts = append(c.Mounts, Mount{Container: container, WritablePath: w})
		}
	}
	if s.wholePod {
		c.Decisions = append(c.Decisions, profile.DecidePod(s.pod)...)
	}
	return c, nil
}

// Containers returns the containers that were decided on.
func (c *Change) Containers() []*defaults.Container { return c.containers }

// Windows says whether the pod is for Windows nodes.
func (c *Change) Windows() bool { return c.pod.Windows }

// Operations returns the patch, which only adds. It does not annotate the pod.
func (c *Change) Operations() []jsonpatch.Operation {
	var operations []jsonpatch.Operation
	for _, o := range c.patch().operations {
		operations = append(operations, jsonpatch.NewOperation("add", o.pointer(), o.value))
	}
	return operations
}

func (c *Change) patch() *patch {
	// An operation for each default and each mount, two for the objects around the
	// defaults of a container, and a few for the pod.
	p := patch{
		operations: make([]operation, 0, len(c.Decisions)+len(c.Mounts)+2*len(c.containers)+4),
		added:      make(map[place]bool, 2*len(c.containers)+4),
	}
	for _, d := range c.Decisions {
		if d.Outcome == defaults.Inject {
			p.inject(c.pod, d)
		}
	}
	p.mount(c.Mounts, c.volumes)
	return &p
}
