// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/trial/watch"
)

// maxMessage bounds what is kept of a message.
const maxMessage = 1024

// A Trouble is a container that does not run as it should.
type Trouble struct {
	Namespace, Pod, Container, Image string
	Pods                             int // that have it
	Restarts                         int32
	Waiting, Message                 string // reason and message
	ExitCode                         *int32 // of the last end
	Previous                         bool   // it was started again since, and the log of the last end is that of the instance before
	EndReason, EndMessage            string
	Recorded                         []string // settings that the webhook filled in, for the container or the Pod
	PodLevel                         []string // those of them at Pod level

	init bool // it is an init container

	Log string // its last lines, where they were asked for
}

// alike reports whether two containers have the same trouble.
func (t *Trouble) alike(o *Trouble) bool {
	return t.Container == o.Container && t.Waiting == o.Waiting && (t.ExitCode == nil) == (o.ExitCode == nil) &&
		(t.ExitCode == nil || *t.ExitCode == *o.ExitCode) &&
		watch.Normalise(t.Message) == watch.Normalise(o.Message) && slices.Equal(t.Recorded, o.Recorded)
}

// starting are the reasons of containers that wait for nothing bad.
var starting = []string{"", "ContainerCreating", "PodInitializing"}

// troubles returns the containers of a Pod that do not run as they should:
//
//   - those that wait for another reason than to be created;
//   - those that have ended with an error, and are not ready now.
func (r *rawPod) troubles(p *pod) []Trouble {
	var all []Trouble
	add := func(containers []rawContainer, statuses []corev1.ContainerStatus, init bool) {
		for i := range statuses {
			c := &statuses[i]
			t := Trouble{Namespace: p.namespace, Pod: p.name, Container: c.Name, Image: c.Image, Pods: 1, Restarts: c.RestartCount, init: init}
			if w := c.State.Waiting; w != nil {
				t.Waiting, t.Message = w.Reason, text.Shorten(w.Message, maxMessage)
			}
			ended := c.State.Terminated
			if ended == nil {
				ended, t.Previous = c.LastTerminationState.Terminated, true
			}
			if ended != nil && ended.ExitCode != 0 {
				t.ExitCode, t.EndReason, t.EndMessage = &ended.ExitCode, ended.Reason, text.Shorten(ended.Message, maxMessage)
			}
			waits := !slices.Contains(starting, t.Waiting)
			failed := t.ExitCode != nil && !c.Ready && (!init || c.State.Running == nil)
			if !waits && !failed {
				continue
			}
			for _, spec := range containers {
				if spec.Name == c.Name && spec.Image != "" {
					t.Image = spec.Image
				}
			}
			t.recorded(p.record)
			all = append(all, t)
		}
	}
	add(r.Spec.Init, r.Status.Init, true)
	add(r.Spec.Regular, r.Status.Regular, false)
	return all
}

// recorded fills in which settings the webhook filled in.
func (t *Trouble) recorded(r *defaults.Record) {
	if r == nil {
		return
	}
	for _, f := range r.Containers[t.Container] {
		t.Recorded = insert(t.Recorded, f)
	}
	for _, f := range r.Pod {
		t.PodLevel = insert(t.PodLevel, f)
		t.Recorded = insert(t.Recorded, f)
	}
}

// Troubles returns every trouble, for which logs can be added.
func (s *Snapshot) Troubles() []*Trouble {
	var all []*Trouble
	for _, owner := range sortedRefs(s.groups) {
		g := s.groups[owner]
		for i := range g.troubles {
			all = append(all, &g.troubles[i])
		}
	}
	return all
}
