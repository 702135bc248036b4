// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// describe writes down every decision of a change.
func (w *Workload) describe(change *mutate.Change, pod *corev1.PodTemplateSpec) {
	images := map[defaults.ContainerType][]string{}
	for _, c := range pod.Spec.InitContainers {
		images[defaults.Init] = append(images[defaults.Init], c.Image)
	}
	for _, c := range pod.Spec.Containers {
		images[defaults.Regular] = append(images[defaults.Regular], c.Image)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		images[defaults.Ephemeral] = append(images[defaults.Ephemeral], c.Image)
	}
	at := map[*defaults.Container]int{}
	for _, c := range change.Containers() {
		at[c] = len(w.Containers)
		w.Containers = append(w.Containers, Container{Name: c.Name, Type: string(c.Type), Image: images[c.Type][c.Index], Decisions: []Decision{}})
	}
	for _, d := range change.Decisions {
		decision := Decision{Field: d.Field.Name, Outcome: string(d.Outcome), Reason: string(d.Reason), Because: d.Because}
		if d.Outcome == defaults.Inject {
			decision.Value = json.RawMessage(d.Value.JSON)
		}
		if d.Container == nil {
			w.Pod = append(w.Pod, decision)
			continue
		}
		c := &w.Containers[at[d.Container]]
		c.Decisions = append(c.Decisions, decision)
	}
	for _, m := range change.Mounts {
		c := &w.Containers[at[m.Container]]
		c.WritablePaths = append(c.WritablePaths, m.Path)
	}
}
