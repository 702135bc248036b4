// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Permission is one verb on one resource of a namespace.
type Permission struct {
	Verb, Group, Resource string // the resource with its subresource, such as pods/log
}

func (p Permission) String() string {
	if p.Group == "" {
		return p.Verb + " " + p.Resource
	}
	return p.Verb + " " + p.Resource + "." + p.Group
}

var accessReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}

// Missing returns the permissions that the caller lacks in the namespace, in their order.
func (c *Client) Missing(ctx context.Context, namespace string, wanted []Permission) ([]Permission, error) {
	var missing []Permission
	for _, p := range wanted {
		resource, subresource, _ := strings.Cut(p.Resource, "/")
		review := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]any{
				"namespace": namespace, "verb": p.Verb, "group": p.Group, "resource": resource, "subresource": subresource,
			}},
		}}
		answer, err := c.Resource(accessReviews).Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("asking whether you may %s in namespace %s: %w", p, namespace, err)
		}
		if allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed"); !allowed {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// Role returns the manifest of a Role with the permissions, one rule for each resource.
func Role(namespace, name string, permissions []Permission) string {
	type target struct{ group, resource string }
	var order []target
	verbs := map[target][]string{}
	for _, p := range permissions {
		t := target{p.Group, p.Resource}
		if verbs[t] == nil {
			order = append(order, t)
		}
		if !slices.Contains(verbs[t], p.Verb) {
			verbs[t] = append(verbs[t], p.Verb)
		}
	}
	slices.SortStableFunc(order, func(a, b target) int { return cmp.Compare(a.group, b.group) })
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: %s\n  namespace: %s\nrules:\n", name, namespace)
	for _, t := range order {
		fmt.Fprintf(&b, "- apiGroups: [%q]\n  resources: [%s]\n  verbs: [%s]\n", t.group, t.resource, strings.Join(verbs[t], ", "))
	}
	return b.String()
}
