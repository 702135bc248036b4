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
// Hardened values: no hostProcess, and another user than ContainerAdministrator.
//
// Inherited from: the pod, each member by itself.
//
// Conflicts: a HostProcess container runs as a user of its node, and would take
// the pod's runAsUserName over; a hostProcess of the pod's that differs from the
// container's is refused by the API server (validateWindowsHostProcessPod in
// kubernetes/pkg/apis/core/validation).
var windowsOptions = &Field{
	Name:   "windowsOptions",
	Levels: ContainerLevel | PodLevel,
	OS:     Windows,
	Values: windowsSettings,
	Conflicts: []Conflict{{
		Reason:  HostProcess,
		When:    "for a pod-level default: `windowsOptions.hostProcess: true` on a container",
		Because: "the API server refuses the pair, or the container would inherit a user that its node does not have",
		OnPod: func(pod *Pod, _ Value) bool {
			return slices.ContainsFunc(pod.Containers, func(c Container) bool { return c.SecurityContext.HostProcess })
		},
	}},
}

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

// forWindows says whether a pod is for Windows nodes. Such pods almost never say
// so in spec.os. The first line that holds decides:
//
//	spec.os.name is set                                   by it
//	a node selector or required node affinity demands
//	  an operating system                                 by it
//	windowsOptions in any security context of the pod     Windows
//	otherwise                                             Linux
//
// Where a pod can run comes before windowsOptions, which Linux nodes ignore.
func (s *podSpec) forWindows() bool {
	pod := s.pod
	if s.os != "" {
		return string(s.os) == string(Windows)
	}
	for _, os := range []OS{Windows, Linux} {
		if s.demands(os) {
			return os == Windows
		}
	}
	return pod.SecurityContext.Sets(windowsOptions) || slices.ContainsFunc(pod.Containers, func(c Container) bool {
		return c.SecurityContext.Sets(windowsOptions)
	})
}

// demands says whether only nodes of the operating system satisfy the node
// selector and the required node affinity.
func (s *podSpec) demands(os OS) bool {
	for _, label := range osLabels {
		if s.nodeSelector[label] == string(os) {
			return true
		}
	}
	terms := s.affinity.NodeAffinity.Required.NodeSelectorTerms
	for _, term := range terms {
		if !term.demands(os) {
			return false // terms are alternatives
		}
	}
	return len(terms) > 0
}

// demands says whether one of the expressions, which hold together, leaves only
// nodes of the operating system.
func (t nodeSelectorTerm) demands(os OS) bool {
	for _, e := range t.MatchExpressions {
		if e.Operator == string(corev1.NodeSelectorOpIn) && slices.Contains(osLabels, e.Key) && slices.Equal(e.Values, []string{string(os)}) {
			return true
		}
	}
	return false
}
