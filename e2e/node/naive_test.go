// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// naiveLabel is the label of a namespace that the naive webhook fills in a profile in.
const naiveLabel = "naive.test/enforce"

// A naive webhook fills in the settings of profiles, by their names, where they are
// unset, as Caseharden does, and knows nothing of conflicts.
type naive map[string]settings

// settings are those of a profile file.
type settings struct {
	Spec struct{ Container, Pod map[string]any }
}

// newNaive reads profiles, by their names.
func newNaive(t *testing.T, profiles map[string]string) naive {
	t.Helper()
	n := naive{}
	for name, text := range profiles {
		var s settings
		if err := yaml.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		n[name] = s
	}
	return n
}

// install serves the webhook until the test ends, to the API server, which is in the
// same network.
func (n naive) install(t *testing.T) {
	t.Helper()
	server := httptest.NewTLSServer(n)
	t.Cleanup(server.Close)
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "naive"}}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name := range n {
		configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.MutatingWebhook{
			Name:                    name + ".naive.test",
			ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: new(server.URL + "/" + name), CABundle: ca},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{naiveLabel: name}},
			SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		})
	}
	configurations := c.Client().AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := configurations.Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := configurations.Delete(context.Background(), configuration.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

func (n naive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, found := n[strings.TrimPrefix(r.URL.Path, "/")]
	var review admissionv1.AdmissionReview
	var pod struct{ Spec map[string]any }
	if !found || json.NewDecoder(r.Body).Decode(&review) != nil || json.Unmarshal(review.Request.Object.Raw, &pod) != nil {
		http.Error(w, "no review of a pod, or of no profile", http.StatusBadRequest)
		return
	}
	s.fillIn(pod.Spec)
	patch, _ := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec", "value": pod.Spec}}) // it was JSON before
	review.Response = &admissionv1.AdmissionResponse{
		UID: review.Request.UID, Allowed: true, Patch: patch, PatchType: new(admissionv1.PatchTypeJSONPatch),
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review) // the API server says it if it gets no answer
}

// fillIn fills in what is unset: on the containers what the pod does not set either.
func (s settings) fillIn(spec map[string]any) {
	ofPod := object(spec, "securityContext")
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for _, container := range containers {
			inherited := map[string]any{}
			for field, value := range s.Spec.Container {
				if ofPod[field] == nil {
					inherited[field] = value
				}
			}
			merge(object(container.(map[string]any), "securityContext"), inherited)
		}
	}
	merge(ofPod, s.Spec.Pod)
}

// merge adds what is not there. Of objects only capabilities are filled in in part: the
// others are one setting.
func merge(to, from map[string]any) {
	for key, value := range from {
		switch {
		case to[key] == nil:
			to[key] = value
		case key == "capabilities":
			merge(to[key].(map[string]any), value.(map[string]any))
		}
	}
}

// object returns an object in another, and makes it if it is missing.
func object(in map[string]any, key string) map[string]any {
	found, ok := in[key].(map[string]any)
	if !ok {
		found = map[string]any{}
		in[key] = found
	}
	return found
}
