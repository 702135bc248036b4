// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A second webhook, called after ours, adds a sidecar: with reinvocationPolicy
// IfNeeded, as shipped, the sidecar is hardened too, and the annotation names it.
func TestSidecarOfAnotherWebhook(t *testing.T) {
	w, labels := newWebhook(t, nil)
	startMesh(t, labels)

	namespace := newNamespace(t, labels)
	waitMesh(t, namespace)
	before := metrics(t, w)
	manager := unique("reinvoked")
	admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), barePod(), metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"": "{}", "app": allSix, "mesh-proxy": allSix}
	if diff := cmp.Diff(want, securityContexts(t, admitted)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	six := `["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"]`
	wantAnnotation := `{"profile":"hardened","containers":{"app":` + six + `,"mesh-proxy":` + six + `}}`
	if diff := cmp.Diff(wantAnnotation, admitted.Annotations["caseharden.io/injected"]); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
	wantAudit := map[string]string{
		"enforce-hardened.caseharden.io/injected":                 `{"profile":"hardened","containers":{"app":` + six + `}}`,
		"enforce-hardened.caseharden.io/injected-on-reinvocation": `{"profile":"hardened","containers":{"mesh-proxy":` + six + `}}`,
	}
	if diff := cmp.Diff(wantAudit, auditAnnotations(t, manager)); diff != "" {
		t.Errorf("annotations of the audit event (-want +got):\n%s", diff)
	}
	if n := metrics(t, w).Since(before)[requestsSeries]; n != 2 {
		t.Errorf("the webhook was called %v times, want 2: without a second call the test proves nothing", n)
	}
}

// startMesh starts a webhook that is called after ours in namespaces with the
// labels, and adds a sidecar to every pod.
func startMesh(t *testing.T, labels map[string]string) {
	t.Helper()
	injector := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		if !strings.Contains(string(review.Request.Object.Raw), `"mesh-proxy"`) {
			patchType := admissionv1.PatchTypeJSONPatch
			response.PatchType = &patchType
			response.Patch = []byte(`[{"op":"add","path":"/spec/containers/-","value":{"name":"mesh-proxy","image":"proxy"}}]`)
		}
		review.Request, review.Response = nil, response
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(injector.Close)

	none := admissionregistrationv1.SideEffectClassNone
	fail := admissionregistrationv1.Fail
	name := "zz-mesh" // configurations are called in the order of their names
	_, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: "mesh.example.com",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      &injector.URL,
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: injector.Certificate().Raw}),
			},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: labels},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			SideEffects: &none, FailurePolicy: &fail, AdmissionReviewVersions: []string{"v1"},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// waitMesh returns when the API server calls it.
func waitMesh(t *testing.T, namespace string) {
	t.Helper()
	bedtest.Soon(t, "the second webhook to be called", func() bool {
		p, err := client.CoreV1().Pods(namespace).Create(t.Context(), barePod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil && len(p.Spec.Containers) == 2
	})
}
