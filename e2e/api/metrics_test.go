// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

func metrics(t *testing.T, w *webhook.Webhook) webhook.Metrics {
	t.Helper()
	m, err := w.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// After 100 creates the counters say exactly what was done; dry runs count as
// requests and as nothing else.
func TestMetricsSayWhatWasDone(t *testing.T) {
	w, labels := newWebhook(t, nil)
	namespace := newNamespace(t, labels)
	before := metrics(t, w)
	for i := range 100 {
		p := pod(t, `{spec: {containers: [{name: app}, {name: root, securityContext: {runAsUser: 0}}]}}`)
		if i%4 == 0 {
			p = pod(t, `{spec: {os: {name: windows}, containers: [{name: app, securityContext: {runAsNonRoot: true}}]}}`)
		}
		create(t, namespace, p)
		if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod(t, `{spec: {containers: [{name: app}]}}`), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
			t.Fatal(err)
		}
	}
	decision := func(field, outcome, reason string) string {
		return fmt.Sprintf(`caseharden_decisions_total{field=%q,mode="enforce",outcome=%q,profile="hardened",reason=%q}`, field, outcome, reason)
	}
	pods := func(result string) string {
		return fmt.Sprintf(`caseharden_pods_total{mode="enforce",namespace=%q,profile="hardened",result=%q}`, namespace, result)
	}
	want := webhook.Metrics{
		requestsSeries:    200,
		pods("patched"):   75,
		pods("unchanged"): 25,
		decision("allowPrivilegeEscalation", "inject", "unset"):     150,
		decision("allowPrivilegeEscalation", "skip", "windows-pod"): 25,
		decision("capabilities.drop", "inject", "unset"):            150,
		decision("capabilities.drop", "skip", "windows-pod"):        25,
		decision("readOnlyRootFilesystem", "inject", "unset"):       150,
		decision("readOnlyRootFilesystem", "skip", "windows-pod"):   25,
		decision("runAsNonRoot", "inject", "unset"):                 75,
		decision("runAsNonRoot", "skip", "runs-as-root"):            75,
		decision("runAsNonRoot", "leave", "set-on-container"):       25,
		decision("runAsUser", "inject", "unset"):                    75,
		decision("runAsUser", "leave", "set-on-container"):          75,
		decision("runAsUser", "skip", "windows-pod"):                25,
		decision("seccompProfile", "inject", "unset"):               150,
		decision("seccompProfile", "skip", "windows-pod"):           25,
	}
	if diff := cmp.Diff(want, metrics(t, w).Since(before)); diff != "" {
		t.Errorf("series that moved (-want +got):\n%s", diff)
	}
}
