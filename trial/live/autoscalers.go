// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/trial/plan"
)

// autoscalers reads by which selectors autoscalers count: those of their targets' scales. A
// custom resource has a scale as well. What cannot be read is noted as unknown.
func (c *Cluster) autoscalers(ctx context.Context, s *plan.Surroundings) error {
	list, err := c.Client.Resource(plan.Autoscalers).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("reading autoscalers: %w", err)
	}
	for _, o := range list.Items {
		apiVersion, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "apiVersion")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
		text, err := c.scaleSelector(ctx, schema.FromAPIVersionAndKind(apiVersion, kind), name)
		if apierrors.IsNotFound(err) {
			continue // it counts nothing
		}
		var selector plan.Selector
		if err == nil {
			selector, err = plan.Autoscaled(o.GetName(), text)
		}
		if err != nil {
			s.Unknown = append(s.Unknown, fmt.Sprintf("HorizontalPodAutoscaler %s may count the copies: the scale of %s %s cannot be read: %s", o.GetName(), kind, name, err))
			continue
		}
		s.Selectors = append(s.Selectors, selector)
	}
	return nil
}

// scaleSelector returns the selector of an object's scale.
func (c *Cluster) scaleSelector(ctx context.Context, gvk schema.GroupVersionKind, name string) (string, error) {
	resource, err := c.resourceOf(ctx, gvk)
	if err != nil {
		return "", err
	}
	scale, err := c.Client.Resource(resource).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{}, "scale")
	if err != nil {
		return "", err
	}
	selector, _, _ := unstructured.NestedString(scale.Object, "status", "selector")
	if selector == "" {
		return "", errors.New("status.selector is empty")
	}
	return selector, nil
}

// resourceOf asks the API server by which resource it serves a kind.
func (c *Cluster) resourceOf(ctx context.Context, gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	path := "/apis/" + gvk.Group + "/" + gvk.Version
	if gvk.Group == "" {
		path = "/api/" + gvk.Version
	}
	text, err := c.Client.Raw(ctx, path)
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(text, &list); err != nil {
		return schema.GroupVersionResource{}, err
	}
	for _, r := range list.APIResources {
		if r.Kind == gvk.Kind && !strings.Contains(r.Name, "/") {
			return gvk.GroupVersion().WithResource(r.Name), nil
		}
	}
	return schema.GroupVersionResource{}, fmt.Errorf("the API server has no kind %s in %s", gvk.Kind, gvk.GroupVersion())
}
