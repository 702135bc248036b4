// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// affinity is spec.affinity, as far as a node must satisfy it.
type affinity struct {
	NodeAffinity struct {
		Required *struct {
			NodeSelectorTerms []nodeSelectorTerm `json:"nodeSelectorTerms"`
		} `json:"requiredDuringSchedulingIgnoredDuringExecution"`
	} `json:"nodeAffinity"`
}

type nodeSelectorTerm struct {
	MatchExpressions []nodeSelectorRequirement `json:"matchExpressions"`
	MatchFields      []struct{}                `json:"matchFields"` // by the name of a node, which tells no operating system
}

type nodeSelectorRequirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// A node is what the kubelet says about its operating system in the labels of its node
// (initialNode and getOSSpecificLabels in kubernetes/pkg/kubelet).
type node struct {
	os    OS
	build bool // it has the label of the Windows build, whose value differs from node to node
}

var (
	linuxNode   = node{os: Linux}
	windowsNode = node{os: Windows, build: true}
)

// canRunOn reports whether such a node can satisfy the node selector and the required node
// affinity, as the scheduler and the kubelet read them: GetRequiredNodeAffinity in
// k8s.io/component-helpers/scheduling/corev1/nodeaffinity, which a test compares it with.
// Terms are alternatives, and an empty one matches no node. The requirements of a term
// hold together. Those about other labels can be satisfied by any node.
func (s *podSpec) canRunOn(n node) bool {
	for label, value := range s.nodeSelector {
		if !n.canSatisfy(label, corev1.NodeSelectorOpIn, []string{value}) {
			return false
		}
	}
	required := s.affinity.NodeAffinity.Required
	return required == nil || slices.ContainsFunc(required.NodeSelectorTerms, n.canMatch)
}

func (n node) canMatch(term nodeSelectorTerm) bool {
	if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
		return false
	}
	for _, r := range term.MatchExpressions {
		if !n.canSatisfy(r.Key, corev1.NodeSelectorOperator(r.Operator), r.Values) {
			return false
		}
	}
	return true
}

// canSatisfy reports whether the node can satisfy a requirement on a label. The deprecated
// label of the operating system is still set by kubelets, and used by old manifests.
func (n node) canSatisfy(label string, operator corev1.NodeSelectorOperator, values []string) bool {
	switch label {
	case corev1.LabelOSStable, "beta.kubernetes.io/os":
		switch operator {
		case corev1.NodeSelectorOpIn:
			return slices.Contains(values, string(n.os))
		case corev1.NodeSelectorOpNotIn:
			return !slices.Contains(values, string(n.os))
		}
		return operator == corev1.NodeSelectorOpExists // Gt and Lt compare numbers
	case corev1.LabelWindowsBuild:
		switch operator {
		case corev1.NodeSelectorOpNotIn:
			return true
		case corev1.NodeSelectorOpDoesNotExist:
			return !n.build
		}
		return n.build
	}
	return true
}
