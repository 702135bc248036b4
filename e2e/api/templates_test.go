// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// A templateKind is a kind that makes pods: what an object of it looks like
// without its template, where that goes, and a change of something else.
type templateKind struct {
	resource schema.GroupVersionResource
	manifest string
	path     []string
	patch    string
}

var specTemplate = []string{"spec", "template"}

// Jobs are suspended, since the template of one that runs is immutable, and give
// their selector, which would otherwise hold the Job's UID.
var templateKinds = []templateKind{
	{schema.GroupVersionResource{Version: "v1", Resource: "podtemplates"},
		`{apiVersion: v1, kind: PodTemplate}`, []string{"template"},
		`{"metadata":{"annotations":{"owner":"shop"}}}`},
	{schema.GroupVersionResource{Version: "v1", Resource: "replicationcontrollers"},
		`{apiVersion: v1, kind: ReplicationController, spec: {selector: {app: web}}}`, specTemplate,
		`{"spec":{"replicas":3}}`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"},
		`{apiVersion: apps/v1, kind: DaemonSet, spec: {selector: {matchLabels: {app: web}}}}`, specTemplate,
		`{"spec":{"minReadySeconds":3}}`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		`{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: {app: web}}}}`, specTemplate,
		`{"spec":{"replicas":3}}`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"},
		`{apiVersion: apps/v1, kind: ReplicaSet, spec: {selector: {matchLabels: {app: web}}}}`, specTemplate,
		`{"spec":{"replicas":3}}`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"},
		`{apiVersion: apps/v1, kind: StatefulSet, spec: {serviceName: web, selector: {matchLabels: {app: web}}}}`, specTemplate,
		`{"spec":{"replicas":3}}`},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"},
		`{apiVersion: batch/v1, kind: CronJob, spec: {schedule: "@daily"}}`, []string{"spec", "jobTemplate", "spec", "template"},
		`{"spec":{"suspend":true}}`},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"},
		`{apiVersion: batch/v1, kind: Job, spec: {suspend: true, manualSelector: true, selector: {matchLabels: {app: web}}}}`, specTemplate,
		`{"spec":{"parallelism":3}}`},
}

// object returns an object of the kind with a pod template whose containers are
// those of the pod.
func (k templateKind) object(t *testing.T, name, pod string) *unstructured.Unstructured {
	t.Helper()
	var object, template map[string]any
	for text, into := range map[string]*map[string]any{k.manifest: &object, pod: &template} {
		if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	u := &unstructured.Unstructured{Object: object}
	u.SetName(name)
	containers := template["spec"].(map[string]any)["containers"].([]any)
	for _, c := range containers {
		c.(map[string]any)["image"] = "app"
	}
	template["metadata"] = map[string]any{"labels": map[string]any{"app": "web"}}
	if k.resource.Group == "batch" {
		template["spec"].(map[string]any)["restartPolicy"] = "Never"
	}
	if err := unstructured.SetNestedMap(u.Object, template, k.path...); err != nil {
		t.Fatal(err)
	}
	return u
}

// restart returns what kubectl rollout restart sends: a change of the template.
func (k templateKind) restart() []byte {
	patch := `{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-23T00:00:00Z"}}}`
	for _, name := range slices.Backward(k.path) {
		patch = fmt.Sprintf(`{%q:%s}`, name, patch)
	}
	return []byte(patch)
}

// sender sends the same requests to a namespace that has not opted in and to one
// that has, and demands that what is stored is the same.
type sender struct {
	client       dynamic.NamespaceableResourceInterface
	plain, opted string
	manager      string // of the last request
	warnings     *webhook.Warnings
}

func newSender(t *testing.T, k templateKind, labels map[string]string) *sender {
	t.Helper()
	s := &sender{plain: newNamespace(t, nil), opted: newNamespace(t, labels), warnings: &webhook.Warnings{}}
	config := rest.CopyConfig(controlPlane.Config())
	config.WarningHandler = s.warnings
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s.client = c.Resource(k.resource)
	return s
}

// send sends a request to both namespaces and returns the warnings.
func (s *sender) send(t *testing.T, request func(in dynamic.ResourceInterface, manager string) (*unstructured.Unstructured, error)) []string {
	t.Helper()
	s.manager = unique("template")
	plain, err := request(s.client.Namespace(s.plain), s.manager+"-plain")
	if err != nil {
		t.Fatal(err)
	}
	if warnings := s.warnings.Take(); len(warnings) > 0 {
		t.Fatalf("warnings in a namespace that has not opted in: %q", warnings)
	}
	opted, err := request(s.client.Namespace(s.opted), s.manager)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(content(plain), content(opted)); diff != "" {
		t.Errorf("the object was changed (-plain +opted in):\n%s", diff)
	}
	return s.warnings.Take()
}

// content returns an object without what differs between two that were created
// alike.
func content(u *unstructured.Unstructured) map[string]any {
	c := u.DeepCopy()
	for _, name := range []string{"namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(c.Object, "metadata", name)
	}
	return c.Object
}

func (s *sender) create(t *testing.T, object *unstructured.Unstructured) []string {
	t.Helper()
	return s.send(t, func(in dynamic.ResourceInterface, manager string) (*unstructured.Unstructured, error) {
		return in.Create(t.Context(), object, metav1.CreateOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationStrict})
	})
}

func (s *sender) patch(t *testing.T, name string, patch []byte) []string {
	t.Helper()
	return s.send(t, func(in dynamic.ResourceInterface, manager string) (*unstructured.Unstructured, error) {
		return in.Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationStrict})
	})
}

// apply is kubectl apply --server-side.
func (s *sender) apply(t *testing.T, object *unstructured.Unstructured) []string {
	t.Helper()
	return s.send(t, func(in dynamic.ResourceInterface, manager string) (*unstructured.Unstructured, error) {
		return in.Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true})
	})
}

const hardenedPod = `
spec:
  containers:
  - name: done
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
`

// heard is what there is to hear of a request in a namespace with the labels.
type heard struct {
	labels   map[string]string
	warnings []string
	audit    map[string]string
}

var wouldGet = []string{
	`caseharden: container "app" would get all 6 defaults of profile hardened`,
	`caseharden: container "root" would get all 6 defaults of profile hardened but runAsNonRoot, runAsUser`,
}

// Who creates a workload or changes its template hears of it what the creator of
// a pod hears, and nobody else hears anything; the object is never changed.
func TestTemplates(t *testing.T) {
	for mode, legacy := range map[string]heard{
		"warn": {labels: map[string]string{"caseharden.io/warn": "hardened"}, warnings: wouldGet, audit: map[string]string{}},
		"audit": {labels: map[string]string{"caseharden.io/audit": "hardened"}, audit: map[string]string{
			"audit-hardened.caseharden.io/would-inject": `{"profile":"hardened","containers":{` +
				`"app":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"],` +
				`"root":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","seccompProfile"]}}`,
			"audit-hardened.caseharden.io/skipped": `{"profile":"hardened","containers":{"root":{"runAsNonRoot":"runs-as-root"}}}`,
		}},
		"enforce": {labels: map[string]string{"caseharden.io/enforce": "hardened"}, audit: map[string]string{}},
		"enforce one and warn of the next": {
			labels:   map[string]string{"caseharden.io/enforce": "restricted", "caseharden.io/warn": "hardened"},
			warnings: wouldGet, audit: map[string]string{},
		},
	} {
		nothing := heard{audit: map[string]string{}}
		for _, k := range templateKinds {
			t.Run(mode+"/"+k.resource.Resource, func(t *testing.T) {
				s := newSender(t, k, legacy.labels)
				check := func(what string, want heard, warnings []string) {
					t.Helper()
					if diff := cmp.Diff(want.warnings, warnings); diff != "" {
						t.Errorf("%s: warnings (-want +got):\n%s", what, diff)
					}
					if diff := cmp.Diff(want.audit, auditAnnotations(t, s.manager)); diff != "" {
						t.Errorf("%s: annotations of the audit event (-want +got):\n%s", what, diff)
					}
				}
				check("create", legacy, s.create(t, k.object(t, "web", legacyPod)))
				check("label", nothing, s.patch(t, "web", []byte(`{"metadata":{"labels":{"tier":"front"}}}`)))
				check("scale or the like", nothing, s.patch(t, "web", []byte(k.patch)))
				check("restart", legacy, s.patch(t, "web", k.restart()))

				controller := true
				owned := k.object(t, "owned", legacyPod)
				owned.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Owner", Name: "web", UID: "1", Controller: &controller}})
				check("create by a controller", nothing, s.create(t, owned))
				check("restart by a controller", nothing, s.patch(t, "owned", k.restart()))

				holds := k.object(t, "held", legacyPod)
				holds.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Owner", Name: "web", UID: "1"}})
				check("create with an owner that is no controller", legacy, s.create(t, holds))

				check("create a hardened one", nothing, s.create(t, k.object(t, "done", hardenedPod)))
				check("restart a hardened one", nothing, s.patch(t, "done", k.restart()))

				check("apply", legacy, s.apply(t, k.object(t, "applied", legacyPod)))
				check("apply again", nothing, s.apply(t, k.object(t, "applied", legacyPod)))
			})
		}
	}
}

// No kind that the API server serves and that holds a pod template is forgotten,
// in the rules or in these tests.
func TestTemplateKindsAreAll(t *testing.T) {
	_, lists, err := client.Discovery().ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	want := map[schema.GroupVersionResource]bool{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			gv, err := schema.ParseGroupVersion(list.GroupVersion)
			if err != nil {
				t.Fatal(err)
			}
			object, err := scheme.Scheme.New(gv.WithKind(r.Kind))
			if err == nil && r.Namespaced && slices.Contains(r.Verbs, "create") && holdsTemplate(reflect.TypeOf(object), map[reflect.Type]bool{}) {
				want[gv.WithResource(r.Name)] = true
			}
		}
	}
	tested := map[schema.GroupVersionResource]bool{}
	for _, k := range templateKinds {
		tested[k.resource] = true
	}
	if diff := cmp.Diff(want, tested); diff != "" {
		t.Errorf("kinds that are tested (-served +tested):\n%s", diff)
	}
	configuration, err := shared.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range configuration.Webhooks {
		if w.NamespaceSelector.MatchLabels["caseharden.io/enforce"] != "" {
			continue
		}
		ruled := map[schema.GroupVersionResource]bool{}
		for _, rule := range w.Rules {
			for _, resource := range rule.Resources {
				ruled[schema.GroupVersionResource{Group: rule.APIGroups[0], Version: rule.APIVersions[0], Resource: resource}] = true
			}
		}
		maps.DeleteFunc(ruled, func(r schema.GroupVersionResource, _ bool) bool {
			return r.Resource == "pods" || r.Resource == "pods/ephemeralcontainers"
		})
		if diff := cmp.Diff(want, ruled); diff != "" {
			t.Errorf("%s: kinds in the rules (-served +in the rules):\n%s", w.Name, diff)
		}
	}
}

// holdsTemplate reports whether there is a pod template in a type of the API.
func holdsTemplate(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[corev1.PodTemplateSpec]() {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return holdsTemplate(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.NumField() {
			if holdsTemplate(t.Field(field).Type, seen) {
				return true
			}
		}
	}
	return false
}
