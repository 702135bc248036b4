// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/trial/plan"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	claims     = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
)

// Permissions returns what a trial of workloads of a kind needs to be allowed, in the order
// in which it is needed.
func Permissions(kinds []kube.Kind, exec, http bool) []kube.Permission {
	var all []kube.Permission
	for _, k := range kinds {
		all = append(all, kube.Permission{Verb: "get", Group: k.Group, Resource: k.Resource}, kube.Permission{Verb: "list", Group: k.Group, Resource: k.Resource})
	}
	for _, s := range plan.Sources() {
		if !s.Optional {
			all = append(all, kube.Permission{Verb: "list", Group: s.Group, Resource: s.Resource})
		}
	}
	all = append(all,
		kube.Permission{Verb: "list", Group: plan.Autoscalers.Group, Resource: plan.Autoscalers.Resource},
		kube.Permission{Verb: "list", Resource: "persistentvolumeclaims"},
		kube.Permission{Verb: "list", Resource: "events"},
		kube.Permission{Verb: "create", Resource: "pods"},
		kube.Permission{Verb: "get", Resource: "pods"},
		kube.Permission{Verb: "list", Resource: "pods"},
		kube.Permission{Verb: "delete", Resource: "pods"},
		kube.Permission{Verb: "get", Resource: "pods/log"},
	)
	if exec {
		all = append(all, kube.Permission{Verb: "get", Resource: "pods/exec"}, kube.Permission{Verb: "create", Resource: "pods/exec"})
	}
	if http {
		all = append(all, kube.Permission{Verb: "get", Resource: "pods/proxy"})
	}
	return all
}

// Surroundings reads what is in the namespace that matters for copies.
func (c *Cluster) Surroundings(ctx context.Context) (plan.Surroundings, error) {
	s := plan.Surroundings{Claims: map[string]plan.Claim{}}
	for _, source := range plan.Sources() {
		list, err := c.Client.Resource(source.GroupVersionResource).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil && source.Optional && apierrors.IsNotFound(err) {
			continue
		}
		if err != nil && source.Optional && apierrors.IsForbidden(err) {
			s.Unknown = append(s.Unknown, fmt.Sprintf("you may not list %s.%s: whether one selects the copies is not known", source.Resource, source.Group))
			continue
		}
		if err != nil {
			return s, fmt.Errorf("reading what selects pods: %w", err)
		}
		for i := range list.Items {
			selector, selects, err := source.Read(&list.Items[i])
			if err != nil {
				return s, err
			}
			if selects {
				s.Selectors = append(s.Selectors, selector)
			}
		}
	}
	if err := c.autoscalers(ctx, &s); err != nil {
		return s, err
	}
	list, err := c.Client.Resource(claims).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return s, fmt.Errorf("reading claims: %w", err)
	}
	for _, o := range list.Items {
		modes, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "accessModes")
		claim := plan.Claim{}
		for _, mode := range modes {
			claim.AccessModes = append(claim.AccessModes, corev1.PersistentVolumeAccessMode(mode))
		}
		s.Claims[o.GetName()] = claim
	}
	if o, err := c.Client.Resource(namespaces).Get(ctx, c.Namespace, metav1.GetOptions{}); err == nil {
		s.Labels = o.GetLabels()
	}
	return s, nil
}
