// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/mutate"
)

// A Kind is a kind of object that is a pod or has a template of pods.
type Kind struct{ mutate.TemplateKind }

// shortNames are kubectl's, by resource.
var shortNames = map[string]string{
	"pods": "po", "replicationcontrollers": "rc", "daemonsets": "ds", "deployments": "deploy",
	"replicasets": "rs", "statefulsets": "sts", "cronjobs": "cj",
}

// Kinds returns the kinds whose pods run. PodTemplates are only stored.
func Kinds() []Kind {
	var kinds []Kind
	for _, k := range mutate.TemplateKinds() {
		if k.Kind != "PodTemplate" {
			kinds = append(kinds, Kind{k})
		}
	}
	return kinds
}

// KindNamed returns the kind that kubectl knows by a name: deployment, deployments, deploy,
// Deployment, or with the group, deployments.apps.
func KindNamed(name string) (Kind, error) {
	lower := strings.ToLower(name)
	var known []string
	for _, k := range Kinds() {
		singular := strings.ToLower(k.Kind)
		names := []string{singular, k.Resource, shortNames[k.Resource]}
		if k.Group != "" {
			names = append(names, singular+"."+k.Group, k.Resource+"."+k.Group)
		}
		if lower != "" && slices.Contains(names, lower) {
			return k, nil
		}
		known = append(known, singular)
	}
	if meant := suggest.Closest(name, known); meant != "" {
		return Kind{}, fmt.Errorf("%q is not a kind of workload: did you mean %s?", name, meant)
	}
	return Kind{}, fmt.Errorf("%q is not a kind of workload: must be one of %s", name, strings.Join(known, ", "))
}

// KindOf returns the kind of an object that is a pod or has a template of pods.
func KindOf(gvk schema.GroupVersionKind) (Kind, bool) {
	for _, k := range Kinds() {
		if k.GroupVersionKind() == gvk {
			return k, true
		}
	}
	return Kind{}, false
}

// GVR returns the resource of the kind.
func (k Kind) GVR() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}
