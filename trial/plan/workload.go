// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/caseharden/caseharden/mutate"
)

// A Workload is what a trial makes copies of.
type Workload struct {
	Kind, Namespace, Name string

	// Pod is the pod or the pod template as the API has it: metadata and spec.
	Pod map[string]any

	// Finishes says that the containers run to their end, as those of a Job do.
	Finishes bool

	// Claims are the names of the claims of a StatefulSet's first replica, by volume.
	Claims map[string]string

	// Selector selects the workload's own pods; nil where it has none.
	Selector labels.Selector
}

// Ref names the workload as kubectl does, such as deployment/web.
func (w *Workload) Ref() string { return strings.ToLower(w.Kind) + "/" + w.Name }

// Typed returns the pod in the types of the API.
func (w *Workload) Typed() (*corev1.PodTemplateSpec, error) {
	text, err := json.Marshal(w.Pod)
	if err != nil {
		return nil, err
	}
	var pod corev1.PodTemplateSpec
	return &pod, json.Unmarshal(text, &pod)
}

// NewWorkload returns the workload that an object describes.
func NewWorkload(kind mutate.TemplateKind, o *unstructured.Unstructured) (*Workload, error) {
	w := &Workload{Kind: kind.Kind, Namespace: o.GetNamespace(), Name: o.GetName(), Claims: map[string]string{}}
	if w.Name == "" {
		w.Name = strings.TrimSuffix(o.GetGenerateName(), "-")
	}
	if owner := metav1.GetControllerOf(o); owner != nil && kind.Kind == "Pod" {
		return nil, fmt.Errorf("%s belongs to %s %s: try that one", w.Ref(), owner.Kind, owner.Name)
	}
	template, found, err := unstructured.NestedMap(o.Object, kind.Path...)
	if len(kind.Path) == 0 {
		template, found = o.DeepCopy().Object, true
	}
	if err != nil || !found {
		return nil, fmt.Errorf("%s: has no pod template at %s", w.Ref(), strings.Join(kind.Path, "."))
	}
	w.Pod = map[string]any{"metadata": keep(template["metadata"], "labels", "annotations"), "spec": template["spec"]}
	if kind.Kind == "Pod" {
		w.forgetPlacement()
	}
	w.Finishes = kind.Kind == "Job" || kind.Kind == "CronJob"
	if w.Selector, err = selectorOf(o, "spec", "selector"); err != nil {
		return nil, fmt.Errorf("%s: spec.selector: %w", w.Ref(), err)
	}
	templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
	for _, t := range templates {
		claim, _ := t.(map[string]any)
		if name, _, _ := unstructured.NestedString(claim, "metadata", "name"); name != "" {
			w.Claims[name] = name + "-" + w.Name + "-0"
		}
	}
	pod, err := w.Typed()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Ref(), err)
	}
	if len(pod.Spec.Containers) == 0 {
		return nil, fmt.Errorf("%s: has no containers", w.Ref())
	}
	if _, hardened := pod.Annotations[mutate.InjectedAnnotation]; hardened && kind.Kind == "Pod" {
		return nil, errors.New(w.Ref() + ": the webhook has filled in its settings already, so nothing is left to try: give its manifest with -f")
	}
	return w, nil
}

// keep returns an object with some of its members only.
func keep(object any, names ...string) map[string]any {
	kept := map[string]any{}
	members, _ := object.(map[string]any)
	for _, name := range names {
		if value, found := members[name]; found && value != nil {
			kept[name] = value
		}
	}
	return kept
}

// forgetPlacement removes from a pod that runs what the API server and the scheduler have
// written into it, and what they will write into a copy again: the node, and the volume
// with the token of the service account.
func (w *Workload) forgetPlacement() {
	spec, _ := w.Pod["spec"].(map[string]any)
	for _, name := range []string{"nodeName", "ephemeralContainers", "hostname", "resourceClaims"} {
		delete(spec, name)
	}
	const token = "kube-api-access-"
	without := func(list any, named func(map[string]any) string) []any {
		var kept []any
		items, _ := list.([]any)
		for _, item := range items {
			if member, _ := item.(map[string]any); !strings.HasPrefix(named(member), token) {
				kept = append(kept, item)
			}
		}
		return kept
	}
	name := func(m map[string]any) string { s, _ := m["name"].(string); return s }
	if _, found := spec["volumes"]; found {
		spec["volumes"] = without(spec["volumes"], name)
	}
	eachContainer(spec, func(c map[string]any) {
		if _, found := c["volumeMounts"]; found {
			c["volumeMounts"] = without(c["volumeMounts"], name)
		}
	})
}

// eachContainer visits the init and the regular containers of a pod's spec.
func eachContainer(spec map[string]any, visit func(c map[string]any)) {
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			if c, ok := item.(map[string]any); ok {
				visit(c)
			}
		}
	}
}
