// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

var (
	metadataMark = metav1.ObjectMeta{Name: "the metadata"}
	templateMark = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Name: "the template"}}
)

// objectsWithTemplates are the oracle for where a template stands: the types of
// the API.
var objectsWithTemplates = map[metav1.GroupVersionResource]any{
	{Group: "", Version: "v1", Resource: "podtemplates"}: &corev1.PodTemplate{ObjectMeta: metadataMark, Template: templateMark},
	{Group: "", Version: "v1", Resource: "replicationcontrollers"}: &corev1.ReplicationController{
		ObjectMeta: metadataMark, Spec: corev1.ReplicationControllerSpec{Template: &templateMark}},
	{Group: "apps", Version: "v1", Resource: "daemonsets"}: &appsv1.DaemonSet{
		ObjectMeta: metadataMark, Spec: appsv1.DaemonSetSpec{Template: templateMark}},
	{Group: "apps", Version: "v1", Resource: "deployments"}: &appsv1.Deployment{
		ObjectMeta: metadataMark, Spec: appsv1.DeploymentSpec{Template: templateMark}},
	{Group: "apps", Version: "v1", Resource: "replicasets"}: &appsv1.ReplicaSet{
		ObjectMeta: metadataMark, Spec: appsv1.ReplicaSetSpec{Template: templateMark}},
	{Group: "apps", Version: "v1", Resource: "statefulsets"}: &appsv1.StatefulSet{
		ObjectMeta: metadataMark, Spec: appsv1.StatefulSetSpec{Template: templateMark}},
	{Group: "batch", Version: "v1", Resource: "cronjobs"}: &batchv1.CronJob{
		ObjectMeta: metadataMark, Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: templateMark}}}},
	{Group: "batch", Version: "v1", Resource: "jobs"}: &batchv1.Job{
		ObjectMeta: metadataMark, Spec: batchv1.JobSpec{Template: templateMark}},
}

// withTemplate returns the JSON of an object of the kind.
func withTemplate(t testing.TB, resource metav1.GroupVersionResource, metadata, template string) string {
	t.Helper()
	marshal := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	object := marshal(objectsWithTemplates[resource])
	for mark, text := range map[string]string{marshal(metadataMark): metadata, marshal(templateMark): template} {
		if strings.Count(object, mark) != 1 {
			t.Fatalf("%s is not in %s once", mark, object)
		}
		object = strings.Replace(object, mark, text, 1)
	}
	return object
}

// createTemplate is a request to create an object with a template.
func createTemplate(resource metav1.GroupVersionResource, object string) *admissionv1.AdmissionRequest {
	request := create(object)
	request.Kind, request.Resource = metav1.GroupVersionKind{}, resource
	return request
}

// updateTemplate is a request to update one.
func updateTemplate(resource metav1.GroupVersionResource, old, object string) *admissionv1.AdmissionRequest {
	request := createTemplate(resource, object)
	request.Operation = admissionv1.Update
	request.OldObject = runtime.RawExtension{Raw: []byte(old)}
	return request
}

// deployment is a request to create a Deployment.
func deployment(t testing.TB, template string) *admissionv1.AdmissionRequest {
	t.Helper()
	resource := metav1.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	return createTemplate(resource, withTemplate(t, resource, `{"name":"web"}`, template))
}

func TestTemplateKindsAreThoseOfTheAPI(t *testing.T) {
	got := map[metav1.GroupVersionResource]string{}
	for _, k := range TemplateKinds() {
		got[metav1.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}] = k.Kind
	}
	want := map[metav1.GroupVersionResource]string{{Version: "v1", Resource: "pods"}: "Pod"}
	for resource, object := range objectsWithTemplates {
		_, kind, _ := strings.Cut(fmt.Sprintf("%T", object), ".")
		want[resource] = kind
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

const (
	template         = `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app"},{"name":"root","securityContext":{"runAsUser":0}}]}}`
	otherTemplate    = `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app"}]}}`
	hardenedTemplate = `{"spec":{"containers":[{"name":"app","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},` +
		`"readOnlyRootFilesystem":true,"runAsNonRoot":true,"runAsUser":1,"seccompProfile":{"type":"RuntimeDefault"}}}]}}`
	mirrorTemplate = `{"metadata":{"annotations":{"kubernetes.io/config.mirror":""}},"spec":{"containers":[{"name":"app"}]}}`

	web       = `{"name":"web"}`
	ownedMeta = `{"name":"web-1","ownerReferences":[{"kind":"Team","name":"shop"},{"kind":"Owner","name":"web","controller":true}]}`
	heldMeta  = `{"name":"web","ownerReferences":[{"kind":"Team","name":"shop","controller":false},{"kind":"App","name":"web"}]}`
)

// In the modes warn and audit an author hears of a template exactly what he would
// hear of its pod, and hears it once; in mode enforce nothing. No mode patches.
func TestTemplates(t *testing.T) {
	type objects struct{ metadata, old, template string }
	for name, tt := range map[string]struct {
		objects
		updates bool
		edit    func(*admissionv1.AdmissionRequest)
		silent  bool
	}{
		"created":                             {objects: objects{web, "", template}},
		"created by a dry run":                {objects: objects{web, "", template}, edit: func(r *admissionv1.AdmissionRequest) { r.DryRun = new(true) }},
		"created, with a generated name":      {objects: objects{`{"generateName":"web-"}`, "", template}},
		"created, with owners that only hold": {objects: objects{heldMeta, "", template}},
		"created by a controller":             {objects: objects{ownedMeta, "", template}, silent: true},
		"created hardened":                    {objects: objects{web, "", hardenedTemplate}, silent: true},
		"created without a template":          {objects: objects{web, "", "null"}, silent: true},
		"created with an empty template":      {objects: objects{web, "", "{}"}, silent: true},
		"created, of mirror pods":             {objects: objects{web, "", mirrorTemplate}, silent: true},
		"template changed":                    {updates: true, objects: objects{web, otherTemplate, template}},
		"template added":                      {updates: true, objects: objects{web, "null", template}},
		"template changed by a controller":    {updates: true, objects: objects{ownedMeta, otherTemplate, template}, silent: true},
		"template hardened":                   {updates: true, objects: objects{web, template, hardenedTemplate}, silent: true},
		"template removed":                    {updates: true, objects: objects{web, template, "null"}, silent: true},
		"metadata changed":                    {updates: true, objects: objects{heldMeta, template, template}, silent: true},
		"scaled":                              {updates: true, objects: objects{web, otherTemplate, template}, edit: subresource("scale"), silent: true},
		"status changed":                      {updates: true, objects: objects{web, otherTemplate, template}, edit: subresource("status"), silent: true},
		"ephemeralcontainers of no pod":       {updates: true, objects: objects{web, otherTemplate, template}, edit: subresource("ephemeralcontainers"), silent: true},
		"deleted": {updates: true, objects: objects{web, template, template}, silent: true, edit: func(r *admissionv1.AdmissionRequest) {
			r.Operation, r.Object.Raw = admissionv1.Delete, []byte("null")
		}},
		"another group": {objects: objects{web, "", template}, silent: true, edit: func(r *admissionv1.AdmissionRequest) {
			r.Resource.Group = "shipping.example.com"
		}},
		"another version": {objects: objects{web, "", template}, silent: true, edit: func(r *admissionv1.AdmissionRequest) {
			r.Resource.Version = "v1beta1"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for resource := range objectsWithTemplates {
				request := createTemplate(resource, withTemplate(t, resource, tt.metadata, tt.template))
				if tt.updates {
					request = updateTemplate(resource, withTemplate(t, resource, web, tt.old), string(request.Object.Raw))
				}
				if tt.edit != nil {
					tt.edit(request)
				}
				checkTemplate(t, request, tt.template, tt.silent)
			}
		})
	}
}

func subresource(name string) func(*admissionv1.AdmissionRequest) {
	return func(r *admissionv1.AdmissionRequest) { r.SubResource = name }
}

// checkTemplate demands of each mode that it says of a request what it says of a
// pod that is created from the template, or nothing.
func checkTemplate(t *testing.T, request *admissionv1.AdmissionRequest, template string, silent bool) {
	t.Helper()
	w := newWebhook(t)
	type said struct {
		Warnings []string
		Audit    map[string]string
	}
	for _, mode := range Modes() {
		path := "/" + string(mode) + "/hardened"
		var want said
		if mode != Enforce && !silent {
			pod := w.review(t, path, create(template))
			want = said{pod.Warnings, pod.AuditAnnotations}
			if len(want.Warnings)+len(want.Audit) == 0 {
				t.Fatalf("%s: of the pod nothing is said", mode)
			}
		}
		got := w.review(t, path, request)
		if got.Patch != nil {
			t.Errorf("%s %s: patched: %s", mode, request.Resource.Resource, got.Patch)
		}
		if diff := cmp.Diff(want, said{got.Warnings, got.AuditAnnotations}); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", mode, request.Resource.Resource, diff)
		}
	}
}

// An object without a template is for validation to refuse, wherever it ends.
func TestNoTemplate(t *testing.T) {
	for resource := range objectsWithTemplates {
		for _, object := range []string{`{}`, `{"spec":null,"template":null}`, `{"spec":{}}`, `{"spec":{"replicas":1,"jobTemplate":null}}`, `{"spec":{"jobTemplate":{"spec":{}}}}`} {
			checkTemplate(t, createTemplate(resource, object), "", true)
			checkTemplate(t, updateTemplate(resource, object, object), "", true)
		}
	}
}

// The words, where TestTemplates compares them with those on a pod.
func TestWordsOnATemplate(t *testing.T) {
	w := newWebhook(t)
	want := []string{
		`caseharden: container "app" would get all 6 defaults of profile hardened`,
		`caseharden: container "root" would get all 6 defaults of profile hardened but runAsNonRoot, runAsUser`,
	}
	if diff := cmp.Diff(want, w.review(t, "/warn/hardened", deployment(t, template)).Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	audit := map[string]string{
		"would-inject": `{"profile":"restricted","containers":{"app":["allowPrivilegeEscalation","capabilities.drop","runAsNonRoot","seccompProfile"],` +
			`"root":["allowPrivilegeEscalation","capabilities.drop","seccompProfile"]}}`,
		"skipped": `{"profile":"restricted","containers":{"root":{"runAsNonRoot":"runs-as-root"}}}`,
	}
	if diff := cmp.Diff(audit, w.review(t, "/audit/restricted", deployment(t, template)).AuditAnnotations); diff != "" {
		t.Errorf("audit annotations (-want +got):\n%s", diff)
	}
}

// What cannot be read is answered with its place, and in mode enforce not looked
// at.
func TestMalformedTemplates(t *testing.T) {
	for resource := range objectsWithTemplates {
		path := map[string]string{"podtemplates": "template", "cronjobs": "spec.jobTemplate.spec.template"}[resource.Resource]
		if path == "" {
			path = "spec.template"
		}
		object := func(metadata, template string) string { return withTemplate(t, resource, metadata, template) }
		good, first := object(web, template), strings.Split(path, ".")[0]
		for name, tt := range map[string]struct {
			request *admissionv1.AdmissionRequest
			want    string
		}{
			"a security context": {createTemplate(resource, object(web, `{"spec":{"containers":[{"name":"app","securityContext":[]}]}}`)),
				"request.object." + path + ".spec.containers[0].securityContext: must be an object"},
			"a user": {createTemplate(resource, object(web, `{"spec":{"initContainers":[{},{"securityContext":{"runAsUser":"root"}}]}}`)),
				"request.object." + path + ".spec.initContainers[1].securityContext.runAsUser: must be a number, is a string"},
			"the template":      {createTemplate(resource, object(web, `"x"`)), "request.object." + path + ": must be an object, is a string"},
			"what is around it": {createTemplate(resource, `{"`+first+`":7}`), "request.object." + first + ": must "},
			"the object":        {createTemplate(resource, `[]`), "request.object: must be an object"},
			"no object":         {createTemplate(resource, `null`), "request.object: must be set"},
			"the name":          {createTemplate(resource, object(`{"name":1}`, template)), "request.object.metadata.name: must be a string, is a number"},
			"an owner":          {createTemplate(resource, object(`{"ownerReferences":[{"controller":"yes"}]}`, template)), "request.object.metadata.ownerReferences[0].controller: must be a boolean, is a string"},
			"the old object":    {updateTemplate(resource, `"x"`, good), "request.oldObject: must be an object"},
			"no old object":     {updateTemplate(resource, `null`, good), "request.oldObject: must be set"},
		} {
			body := marshalReview(t, tt.request)
			for _, mode := range []Mode{Warn, Audit} {
				_, err := newWebhook(t).answer("/"+string(mode)+"/hardened", body)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s of %s: error %v, want %s", name, resource.Resource, err, tt.want)
				}
			}
			newWebhook(t).review(t, "/enforce/hardened", tt.request)
		}
	}
}

// Of any template, however odd, is said what is said of its pod; and no mode
// patches an object that holds one.
func TestPropertiesOfArbitraryTemplates(t *testing.T) {
	resources := slices.SortedFunc(maps.Keys(objectsWithTemplates), func(a, b metav1.GroupVersionResource) int {
		return strings.Compare(a.String(), b.String())
	})
	w := newWebhook(t)
	spoken := 0
	for seed := range uint64(1000) {
		pod := string(arbitraryPod(seed))
		resource := resources[seed%uint64(len(resources))]
		object := withTemplate(t, resource, web, pod)
		for _, request := range []*admissionv1.AdmissionRequest{
			createTemplate(resource, object),
			updateTemplate(resource, withTemplate(t, resource, web, "null"), object),
		} {
			for _, mode := range Modes() {
				path := "/" + string(mode) + "/hardened"
				got := w.review(t, path, request)
				if got.Patch != nil {
					t.Fatalf("%s patches %s: %s", mode, object, got.Patch)
				}
				if mode == Enforce {
					continue
				}
				want := w.review(t, path, create(pod))
				if !slices.Equal(want.Warnings, got.Warnings) || !maps.Equal(want.AuditAnnotations, got.AuditAnnotations) {
					t.Errorf("%s says of the template %v, and of the pod %v: %s", mode, got, want, pod)
				}
				spoken += len(got.Warnings)
			}
		}
	}
	if spoken < 1000 {
		t.Errorf("only %d warnings: the generator has degenerated", spoken)
	}
}
