// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseharden/caseharden/defaults"
)

// webhook is a handler with what it reports to. Besides the built-in profiles it
// has those of testdata/profiles.yaml.
type webhook struct {
	*Handler
	registry *prometheus.Registry
	log      *bytes.Buffer
}

func newWebhook(t testing.TB) *webhook {
	t.Helper()
	own, err := os.ReadFile("testdata/profiles.yaml")
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := defaults.ParseProfiles([]defaults.ProfileFile{{Name: "profiles.yaml", Data: own}})
	if err != nil {
		t.Fatal(err)
	}
	w := &webhook{registry: prometheus.NewPedanticRegistry(), log: &bytes.Buffer{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Handler = NewHandler(profiles, NewMetrics(w.registry, profiles, 3), logger)
	return w
}

// mustHoldNothing demands that all memory that was set aside has been given back.
func (w *webhook) mustHoldNothing(t testing.TB) {
	t.Helper()
	if w.bodies.free != maxBodiesBytes || w.bodies.receiving.Len() > 0 {
		t.Errorf("%d bytes of bodies are still held, of which %d are being received", maxBodiesBytes-w.bodies.free, w.bodies.receiving.Len())
	}
	if n := len(w.turns.all.places) + len(w.turns.large.places); n > 0 {
		t.Errorf("%d turns have not ended", n)
	}
	for name, s := range map[string]stage{"decoding": w.decoding, "answering": w.answering, "writing": w.writing} {
		if !s.weighted.TryAcquire(s.max) {
			t.Errorf("memory for %s is still held", name)
			continue
		}
		s.weighted.Release(s.max)
	}
}

// post sends a body as an API server does.
func (w *webhook) post(path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	return recorder
}

// review sends a request in the mode and for the profile of the path, and
// demands a well-formed answer.
func (w *webhook) review(t testing.TB, path string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	recorder := w.post(path, bytes.NewReader(marshalReview(t, request)))
	if recorder.Code != http.StatusOK {
		t.Fatalf("POST %s: %d %s", path, recorder.Code, recorder.Body)
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &review); err != nil {
		t.Fatal(err)
	}
	response := review.Response
	switch {
	case review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || response == nil:
		t.Fatalf("the answer is no AdmissionReview: %s", recorder.Body)
	case !response.Allowed || response.UID != request.UID:
		t.Fatalf("allowed %t, uid %q, want true and %q", response.Allowed, response.UID, request.UID)
	case (response.Patch == nil) != (response.PatchType == nil):
		t.Fatalf("patch and patchType must both be set or neither: %s", recorder.Body)
	}
	return response
}

func marshalReview(t testing.TB, request *admissionv1.AdmissionRequest) []byte {
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

// create is a request to create the pod.
func create(pod string) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID:       "7f3f2a1e",
		Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: "shop",
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: []byte(pod)},
	}
}

// updateEphemeral is a request to change the ephemeral containers of a pod.
func updateEphemeral(old, pod string) *admissionv1.AdmissionRequest {
	request := create(pod)
	request.Operation, request.SubResource = admissionv1.Update, "ephemeralcontainers"
	request.OldObject = runtime.RawExtension{Raw: []byte(old)}
	return request
}

// series returns the value of a metric's series, written as in the text format.
func (w *webhook) series(t testing.TB, name string, labels string) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.Metric {
			var pairs []string
			for _, label := range metric.Label {
				pairs = append(pairs, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			if strings.Join(pairs, ",") != labels {
				continue
			}
			return metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no series %s{%s}", name, labels)
	return 0
}
