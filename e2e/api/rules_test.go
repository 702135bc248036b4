// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const requestsSeries = `caseharden_request_duration_seconds_count{code="200",mode="enforce"}`

// waitOptedIn returns when the API server has seen the namespace's label.
func waitOptedIn(t *testing.T, namespace string) {
	t.Helper()
	for range 200 {
		p := barePod()
		p.Name = unique("probe")
		admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			t.Fatal(err)
		}
		if admitted.Annotations["caseharden.io/injected"] != "" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("namespace %s has not opted in after 4 s", namespace)
}

// Once created, a pod is out of our reach: no update and no deletion comes to
// the webhook, and where someone has widened its rules, they are let through as
// they are.
func TestLaterChangesAreNotTouched(t *testing.T) {
	for _, widened := range []bool{false, true} {
		name := map[bool]string{false: "rules as shipped", true: "rules widened"}[widened]
		t.Run(name, func(t *testing.T) {
			w, labels := newWebhook(t, func(webhook *admissionregistrationv1.MutatingWebhook) {
				if widened {
					namespaced := admissionregistrationv1.NamespacedScope
					webhook.Rules = []admissionregistrationv1.RuleWithOperations{{
						Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.OperationAll},
						Rule: admissionregistrationv1.Rule{
							APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"*/*"}, Scope: &namespaced,
						},
					}}
				}
			})
			// The pod is older than the namespace's consent, so that there is something
			// left to harden.
			namespace := newNamespace(t, nil)
			old := create(t, namespace, barePod())
			patch := []byte(`{"metadata":{"labels":{"test.caseharden.io/instance":"` + labels["test.caseharden.io/instance"] + `"}}}`)
			if _, err := client.CoreV1().Namespaces().Patch(t.Context(), namespace, "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			waitOptedIn(t, namespace)
			before := metrics(t, w)

			patch = []byte(`{"metadata":{"labels":{"tier":"web"},"annotations":{"owner":"shop"}}}`)
			updated, err := client.CoreV1().Pods(namespace).Patch(t.Context(), old.Name, "application/merge-patch+json", patch, metav1.PatchOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(old.Spec, updated.Spec); diff != "" {
				t.Errorf("the update changed the spec (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"owner": "shop"}, updated.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			none := int64(0)
			if err := client.CoreV1().Pods(namespace).Delete(t.Context(), old.Name, metav1.DeleteOptions{GracePeriodSeconds: &none}); err != nil {
				t.Fatal(err)
			}

			changed := metrics(t, w).Since(before)
			if n := changed[requestsSeries]; widened && n < 2 || !widened && n != 0 {
				t.Errorf("%v requests reached the webhook; series that moved: %v", n, changed)
			}
			for series := range changed {
				if series != requestsSeries {
					t.Errorf("%s moved by %v", series, changed[series])
				}
			}
		})
	}
}
