// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"slices"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/answer"
)

// answerContainers returns the containers of all workloads with their findings, in order.
func answerContainers(workloads []Workload) []answer.Container {
	var all []answer.Container
	for i := range workloads {
		w := &workloads[i]
		for j := range w.Containers {
			c := &w.Containers[j]
			all = append(all, answer.Container{
				Workload: w.title(), Name: c.Name, Image: c.Image, Digest: c.Digest,
				Injected: injected(c.Decisions, w.Pod), Findings: w.findingsOf(c),
			})
		}
	}
	return all
}

// injected returns the fields that would be injected; it is never nil.
func injected(decisions ...[]Decision) []string {
	fields := []string{}
	for _, d := range slices.Concat(decisions...) {
		if d.Outcome == string(defaults.Inject) {
			fields = append(fields, d.Field)
		}
	}
	return fields
}

// title names the workload for people, such as Deployment shop/web.
func (w *Workload) title() string {
	if w.Namespace == "" {
		return w.Kind + " " + w.Name
	}
	return w.Kind + " " + w.Namespace + "/" + w.Name
}

// container returns the container of a name; nil if there is none.
func (w *Workload) container(name string) *Container {
	for i := range w.Containers {
		if w.Containers[i].Name == name {
			return &w.Containers[i]
		}
	}
	return nil
}

// findingsOf returns the findings about a container. Those about the Pod as a whole belong
// to its first regular container: an exception that matches one container leaves a default
// of the Pod.
func (w *Workload) findingsOf(c *Container) (found []evidence.Finding) {
	for _, f := range w.Findings {
		if f.Container == c.Name || f.Container == "" && c == w.firstRegular() {
			found = append(found, f)
		}
	}
	return found
}

func (w *Workload) firstRegular() *Container {
	for i := range w.Containers {
		if w.Containers[i].Type == string(defaults.Regular) {
			return &w.Containers[i]
		}
	}
	return nil
}
