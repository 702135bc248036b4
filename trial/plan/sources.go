// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Source is a resource whose objects select pods by their labels.
type Source struct {
	schema.GroupVersionResource
	Kind string
	Path []string // to the selector
	Use  Use

	// Optional resources are those of extensions: a cluster need not have them, and the
	// caller need not be allowed to see them.
	Optional bool
}

func gvr(group, version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resource}
}

// Sources returns every resource that is looked at. A Job selects by the UID of its
// controller, which no copy carries; a Deployment adopts ReplicaSets alone, but its own
// selector is what autoscalers count by.
func Sources() []Source {
	selector := []string{"spec", "selector"}
	return []Source{
		{gvr("", "v1", "replicationcontrollers"), "ReplicationController", selector, Adopts, false},
		{gvr("apps", "v1", "replicasets"), "ReplicaSet", selector, Adopts, false},
		{gvr("apps", "v1", "daemonsets"), "DaemonSet", selector, Adopts, false},
		{gvr("apps", "v1", "statefulsets"), "StatefulSet", selector, Adopts, false},
		{gvr("", "v1", "services"), "Service", selector, SendsTraffic, false},
		{gvr("policy", "v1", "poddisruptionbudgets"), "PodDisruptionBudget", selector, Protects, false},
		{gvr("networking.k8s.io", "v1", "networkpolicies"), "NetworkPolicy", []string{"spec", "podSelector"}, Restricts, false},
		{gvr("apps.kruise.io", "v1alpha1", "clonesets"), "CloneSet", selector, Adopts, true},
		{gvr("cilium.io", "v2", "ciliumnetworkpolicies"), "CiliumNetworkPolicy", []string{"spec", "endpointSelector"}, Restricts, true},
		{gvr("security.istio.io", "v1", "authorizationpolicies"), "AuthorizationPolicy", selector, Restricts, true},
		{gvr("security.istio.io", "v1", "peerauthentications"), "PeerAuthentication", selector, Restricts, true},
	}
}

// Autoscalers are those whose target's scale has a selector, by which they count pods.
var Autoscalers = gvr("autoscaling", "v2", "horizontalpodautoscalers")

// Read returns the selector of an object of the source; false where it selects no pods.
func (s Source) Read(o *unstructured.Unstructured) (Selector, bool, error) {
	value, found, err := unstructured.NestedMap(o.Object, s.Path...)
	switch {
	case err != nil:
		return Selector{}, false, fmt.Errorf("%s %s: %s: %w", s.Kind, o.GetName(), strings.Join(s.Path, "."), err)
	case !found && s.Use != Restricts, len(value) == 0 && s.Kind == "Service":
		return Selector{}, false, nil
	}
	parsed, err := parseSelector(value)
	if err != nil {
		return Selector{}, false, fmt.Errorf("%s %s: %s: %w", s.Kind, o.GetName(), strings.Join(s.Path, "."), err)
	}
	use := s.Use
	if all, _, _ := unstructured.NestedBool(o.Object, "spec", "publishNotReadyAddresses"); all && use == SendsTraffic {
		use = PublishesAll
	}
	return Selector{Kind: s.Kind, Name: o.GetName(), Use: use, Labels: parsed}, true, nil
}

// Autoscaled returns the selector by which an autoscaler counts, given as the status of its
// target's scale has it.
func Autoscaled(name, scaleSelector string) (Selector, error) {
	parsed, err := labels.Parse(scaleSelector)
	if err != nil {
		return Selector{}, fmt.Errorf("HorizontalPodAutoscaler %s: status.selector of its target's scale: %w", name, err)
	}
	return Selector{Kind: "HorizontalPodAutoscaler", Name: name, Use: Counts, Labels: parsed}, nil
}
