// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
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
	review, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       "705ab4f5-6393-11e8-b7cc-42010a800002",
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

	for _, tt := range []struct {
		name, path string
		want       *corev1.SecurityContext
		start      func(ctx context.Context, b Binaries, dir string) (*Server, error)
	}{
		{"caseharden", PathCaseharden, want, StartCaseharden},
		{"controller-runtime", PathControllerRuntime, want, StartControllerRuntime},
		{"limit", PathLimit, want, func(ctx context.Context, b Binaries, dir string) (*Server, error) {
			return StartLimit(ctx, b, dir)
		}},
		{"limit without a patch", PathLimit, nil, func(ctx context.Context, b Binaries, dir string) (*Server, error) {
			return StartLimit(ctx, b, dir, "--patch=false")
		}},
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
			answer := post(t, server, tt.path, review)
			if !answer.Allowed || answer.UID != "705ab4f5-6393-11e8-b7cc-42010a800002" {
				t.Errorf("allowed = %t and UID = %q, want true and that of the request", answer.Allowed, answer.UID)
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
			var got corev1.Pod
			if err := json.Unmarshal(patched, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Spec.Containers[0].SecurityContext); diff != "" {
				t.Errorf("securityContext (-want +got):\n%s", diff)
			}
		})
	}
}

func post(t *testing.T, s *Server, path string, review []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Post("https://"+s.Addr+path, "application/json", bytes.NewReader(review))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Fatalf("%s over %s, want 200 over HTTP/2: %s", response.Status, response.Proto, body)
	}
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if answer.Response == nil {
		t.Fatalf("no response: %s", body)
	}
	return answer.Response
}
