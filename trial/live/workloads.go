// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/internal/kube"
	"github.com/caseharden/caseharden/trial/plan"
)

// Named returns the workload that an argument such as deployment/web names.
func (c *Cluster) Named(ctx context.Context, argument string) (*plan.Workload, error) {
	kindName, name, found := strings.Cut(argument, "/")
	if !found || name == "" {
		return nil, fmt.Errorf("%q: must be TYPE/NAME, such as deployment/web", argument)
	}
	kind, err := kube.KindNamed(kindName)
	if err != nil {
		return nil, err
	}
	o, err := c.Client.Resource(kind.GVR()).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no %s in namespace %s", argument, c.Namespace)
	}
	if err != nil {
		return nil, err
	}
	return plan.NewWorkload(kind.TemplateKind, o)
}

// Selected returns the workloads of the namespace that a label selector selects, without
// those that a controller owns; all of them if it is empty.
func (c *Cluster) Selected(ctx context.Context, selector string) ([]*plan.Workload, error) {
	var all []*plan.Workload
	for _, kind := range kube.Kinds() {
		list, err := c.Client.Resource(kind.GVR()).Namespace(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			o := &list.Items[i]
			if metav1.GetControllerOf(o) != nil || o.GetLabels()[plan.TrialLabel] != "" {
				continue
			}
			w, err := plan.NewWorkload(kind.TemplateKind, o)
			if err != nil {
				return nil, err
			}
			all = append(all, w)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no workload is selected in namespace " + c.Namespace)
	}
	return all, nil
}

// FromManifest returns the workload that an object of a manifest describes, for the
// namespace of the trial; false if the object is of a kind that makes no pods.
func (c *Cluster) FromManifest(o *unstructured.Unstructured) (*plan.Workload, bool, error) {
	kind, found := kube.KindOf(o.GroupVersionKind())
	if !found {
		return nil, false, nil
	}
	o.SetNamespace(c.Namespace)
	o.SetOwnerReferences(nil)
	w, err := plan.NewWorkload(kind.TemplateKind, o)
	return w, true, err
}
