// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// While the webhook is down, failurePolicy decides: Fail refuses, in words that
// name the webhook, and Ignore admits the pod as it is.
func TestWebhookDown(t *testing.T) {
	for _, policy := range []admissionregistrationv1.FailurePolicyType{admissionregistrationv1.Fail, admissionregistrationv1.Ignore} {
		t.Run(string(policy), func(t *testing.T) {
			w, labels := newWebhook(t, func(webhook *admissionregistrationv1.MutatingWebhook) { webhook.FailurePolicy = &policy })
			namespace := newNamespace(t, labels)
			if err := w.Stop(); err != nil {
				t.Fatal(err)
			}
			admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), barePod(), metav1.CreateOptions{})
			if policy == admissionregistrationv1.Fail {
				if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), `failed calling webhook "enforce-hardened.caseharden.io"`) ||
					!strings.Contains(err.Error(), "connection refused") {
					t.Errorf("the answer to the client: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if admitted.Annotations["caseharden.io/injected"] != "" || admitted.Spec.Containers[0].SecurityContext != nil {
				t.Errorf("the pod was changed: %v", admitted)
			}
		})
	}
}

// A failure of our own is an HTTP error, and so for failurePolicy to decide: a
// profile that is not loaded is one.
func TestUnknownProfileIsAFailure(t *testing.T) {
	for _, policy := range []admissionregistrationv1.FailurePolicyType{admissionregistrationv1.Fail, admissionregistrationv1.Ignore} {
		t.Run(string(policy), func(t *testing.T) {
			_, labels := newWebhook(t, func(webhook *admissionregistrationv1.MutatingWebhook) {
				webhook.FailurePolicy = &policy
				// Only pods of this name go to the profile that is not there.
				webhook.MatchConditions = append(webhook.MatchConditions, admissionregistrationv1.MatchCondition{
					Name: "working", Expression: "object.metadata.name != 'lost'",
				})
			})
			configuration := labels["test.caseharden.io/instance"]
			current, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(t.Context(), configuration, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			lost := current.Webhooks[0].DeepCopy()
			lost.Name = "lost.caseharden.io"
			lost.MatchConditions[len(lost.MatchConditions)-1].Expression = "object.metadata.name == 'lost'"
			url := strings.Replace(*lost.ClientConfig.URL, "/hardened", "/lost", 1)
			lost.ClientConfig.URL = &url
			current.Webhooks = append(current.Webhooks, *lost)
			if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(t.Context(), current, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			namespace := newNamespace(t, labels)
			p := barePod()
			p.Name = "lost"
			bedtest.Soon(t, "the answer of failurePolicy "+string(policy), func() bool {
				admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				if policy == admissionregistrationv1.Ignore {
					return err == nil && admitted.Annotations["caseharden.io/injected"] == ""
				}
				return apierrors.IsInternalError(err) && strings.Contains(err.Error(), `failed calling webhook "lost.caseharden.io"`)
			})
		})
	}
}
