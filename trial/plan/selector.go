// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// A Use is what an object does with the pods that it selects.
type Use string

// The uses, from the one that a copy must never meet to the one that it should keep.
const (
	Adopts       Use = "would adopt it"                                       // a controller
	Counts       Use = "would count it"                                       // an autoscaler, ready or not
	PublishesAll Use = "would send traffic to it, ready or not"               // a Service with publishNotReadyAddresses
	SendsTraffic Use = "would send traffic to it, if it ever became ready"    // a Service
	Protects     Use = "would watch over it, and count it if it became ready" // a PodDisruptionBudget
	Restricts    Use = "applies to the workload's pods, and should to copies" // a NetworkPolicy, for example
)

// A Selector is an object of the namespace that selects pods by their labels.
type Selector struct {
	Kind, Name string
	Use        Use
	Labels     labels.Selector
}

// Object names the object of the selector.
func (s Selector) Object() string { return s.Kind + " " + s.Name }

// Matches reports whether the object selects a pod with these labels.
func (s Selector) Matches(podLabels map[string]string) bool {
	return s.Labels.Matches(labels.Set(podLabels))
}

// selectorOf reads a selector: a LabelSelector, or, as ReplicationControllers and Services
// have it, a map of labels. It returns nil where there is none.
func selectorOf(o *unstructured.Unstructured, path ...string) (labels.Selector, error) {
	value, found, err := unstructured.NestedMap(o.Object, path...)
	if err != nil || !found {
		return nil, err
	}
	return parseSelector(value)
}

func parseSelector(value map[string]any) (labels.Selector, error) {
	isMap := len(value) > 0
	for name, v := range value {
		if _, isString := v.(string); !isString || name == "matchLabels" || name == "matchExpressions" {
			isMap = false
		}
	}
	if isMap {
		set := labels.Set{}
		for name, v := range value {
			set[name] = v.(string)
		}
		return set.AsSelector(), nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var s metav1.LabelSelector
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(&s)
}
