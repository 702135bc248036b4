// SPDX-License-Identifier: Apache-2.0

// Package reviewtest makes AdmissionReviews for tests.
package reviewtest

import (
	"encoding/json"
	"os"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
)

// BarePod is a pod that sets nothing.
const BarePod = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app"}]}}`

// Create returns a request to create the pod.
func Create(pod string) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID:       "7f3f2a1e",
		Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: "shop",
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: []byte(pod)},
	}
}

// UpdateEphemeral returns a request to change the ephemeral containers of a pod.
func UpdateEphemeral(old, pod string) *admissionv1.AdmissionRequest {
	request := Create(pod)
	request.Operation, request.SubResource = admissionv1.Update, "ephemeralcontainers"
	request.OldObject = runtime.RawExtension{Raw: []byte(old)}
	return request
}

// CreateDeployment returns a request to create a Deployment with the pod template.
func CreateDeployment(template string) *admissionv1.AdmissionRequest {
	request := Create(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"template":` + template + `}}`)
	request.Kind = metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	request.Resource = metav1.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	return request
}

// Marshal returns the body of a request.
func Marshal(t testing.TB, request *admissionv1.AdmissionRequest) []byte {
	t.Helper()
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  request,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Unmarshal returns the response in a body, which must be a well-formed answer to the
// request.
func Unmarshal(t testing.TB, body []byte, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		t.Fatal(err)
	}
	response := review.Response
	switch {
	case review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || response == nil:
		t.Fatalf("the answer is no AdmissionReview: %s", body)
	case !response.Allowed || response.UID != request.UID:
		t.Fatalf("allowed %t, uid %q, want true and %q", response.Allowed, response.UID, request.UID)
	case (response.Patch == nil) != (response.PatchType == nil):
		t.Fatalf("patch and patchType must both be set or neither: %s", body)
	}
	return response
}

// Profiles returns the built-in profiles and those of a file.
func Profiles(t testing.TB, file string) []*defaults.Profile {
	t.Helper()
	own, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.Parse([]profile.File{{Name: file, Data: own}})
	if err != nil {
		t.Fatal(err)
	}
	return profiles
}
