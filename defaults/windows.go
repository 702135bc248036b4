// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// windowsOptions are the settings that only Windows containers have.
//
// Field: spec.securityContext.windowsOptions and
// spec.containers[*].securityContext.windowsOptions, and of init and ephemeral
// containers.
//
// Inherited from: the pod.
var windowsOptions = &Field{Name: "windowsOptions", Levels: ContainerLevel | PodLevel, OS: Windows}

type affinity struct {
	NodeAffinity struct {
		Required struct {
			NodeSelectorTerms []nodeSelectorTerm `json:"nodeSelectorTerms"`
		} `json:"requiredDuringSchedulingIgnoredDuringExecution"`
	} `json:"nodeAffinity"`
}

type nodeSelectorTerm struct {
	MatchExpressions []struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	} `json:"matchExpressions"`
}

// osLabels are the node labels that tell a node's operating system, the
// deprecated one too: old manifests still select by it.
var osLabels = []string{corev1.LabelOSStable, "beta.kubernetes.io/os"}

// forWindows says whether a pod is for Windows nodes. Such pods almost never
// say so in spec.os, so where that is unset any of these counts:
//
//	a node selector for Windows
//	a required node affinity for Windows
//	windowsOptions in the security context of the pod or of any container
func (s *podSpec) forWindows(pod *Pod) bool {
	if s.OS.Name != "" {
		return s.OS.Name == string(Windows)
	}
	for _, label := range osLabels {
		if s.NodeSelector[label] == string(Windows) {
			return true
		}
	}
	if demandWindows(s.Affinity.NodeAffinity.Required.NodeSelectorTerms) {
		return true
	}
	return pod.SecurityContext.Sets(windowsOptions) || slices.ContainsFunc(pod.Containers, func(c Container) bool {
		return c.SecurityContext.Sets(windowsOptions)
	})
}

// demandWindows says whether only a Windows node can satisfy the terms. They are
// alternatives, so each has to demand it; within one, all expressions hold
// together, so one is enough.
func demandWindows(terms []nodeSelectorTerm) bool {
	for _, term := range terms {
		demands := false
		for _, e := range term.MatchExpressions {
			demands = demands || e.Operator == string(corev1.NodeSelectorOpIn) &&
				slices.Contains(osLabels, e.Key) && slices.Equal(e.Values, []string{string(Windows)})
		}
		if !demands {
			return false
		}
	}
	return len(terms) > 0
}
