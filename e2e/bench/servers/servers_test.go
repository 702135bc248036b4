// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/google/go-cmp/cmp"
)

// TestServersDoTheSame posts a review of a pod with nothing set to each of the webhooks,
// and applies their patches.
func TestServersDoTheSame(t *testing.T) {
	binaries, err := Compile(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{}, // as the API server writes it
			Containers:      []corev1.Container{{Name: "app", Image: "app"}},
		},
	}
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	const uid = "705ab4f5-6393-11e8-b7cc-42010a800002"
	review, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       uid,
			Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Namespace: "shop",
			Operation: admissionv1.Create,
			Object:    runtime.RawExtension{Raw: raw},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   new(true),
		RunAsNonRoot:             new(true),
		RunAsUser:                new(int64(10001)),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}

	const pathLimit = "/pod"
	startLimit := func(ctx context.Context, b Binaries, dir string) (*Server, error) {
		if err := WriteAnswers(ctx, b, dir, map[string][]byte{pathLimit: review}); err != nil {
			return nil, err
		}
		return StartLimit(ctx, b, dir)
	}
	const otherUID = "2f0a3c1e-3a52-4b66-a40d-7c8d2a0f6f51"
	another := bytes.Replace(review, []byte(uid), []byte(otherUID), 1)
	answers := map[string][]byte{}
	for _, tt := range []struct {
		name, path string
		start      func(ctx context.Context, b Binaries, dir string) (*Server, error)
	}{
		{"caseharden", PathCaseharden, StartCaseharden},
		{"controller-runtime", PathControllerRuntime, StartControllerRuntime},
		{"limit", pathLimit, startLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, err := tt.start(t.Context(), binaries, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			}()
			client, err := server.NewClient()
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			var text bytes.Buffer
			if err := Post(t.Context(), client, "https://"+server.Addr+tt.path, another, &text); err != nil {
				t.Fatal(err)
			}
			body := text.Bytes()
			answers[tt.name] = body
			var got admissionv1.AdmissionReview
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			answer := got.Response
			if answer == nil || !answer.Allowed || answer.UID != otherUID {
				t.Fatalf("the response %+v does not allow, or has not the UID of the request", answer)
			}
			patched := slices.Clone(raw)
			if answer.Patch != nil {
				patch, err := jsonpatch.DecodePatch(answer.Patch)
				if err != nil {
					t.Fatal(err)
				}
				if patched, err = patch.Apply(raw); err != nil {
					t.Fatal(err)
				}
			}
			var hardened corev1.Pod
			if err := json.Unmarshal(patched, &hardened); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, hardened.Spec.Containers[0].SecurityContext); diff != "" {
				t.Errorf("securityContext (-want +got):\n%s", diff)
			}
		})
	}
	if !bytes.Equal(answers["limit"], answers["caseharden"]) {
		t.Errorf("the limit answers\n%s\nand Caseharden\n%s", answers["limit"], answers["caseharden"])
	}
}
