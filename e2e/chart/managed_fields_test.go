// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What the account guard does not hold: the account can reset the record of who owns which
// field of the webhook configuration. Then helm upgrade fails where it changes a field, and
// the documented --force-conflicts helps.
func TestResetManagedFields(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t)
	account := in.token(t, "view") // which adds nothing
	upgrade := func(flags ...string) error {
		args := []string{"upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values", "--set=webhook.timeoutSeconds=7"}
		_, stderr, err := run(t, in.env, "", helmBinary, append(args, flags...)...)
		if err != nil && !strings.Contains(stderr, "conflict") {
			t.Fatalf("helm upgrade: %v\n%s", err, stderr)
		}
		return err
	}
	reset := []byte(`{"metadata": {"managedFields": [{}]}}`)
	if _, err := account.AdmissionregistrationV1().MutatingWebhookConfigurations().Patch(t.Context(), "caseharden", types.MergePatchType, reset, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if upgrade() == nil {
		t.Error("helm upgrade finds no conflict")
	}
	if err := upgrade("--force-conflicts"); err != nil {
		t.Errorf("helm upgrade --force-conflicts: %v", err)
	}
	configuration, err := in.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil || *configuration.Webhooks[0].TimeoutSeconds != 7 {
		t.Errorf("the upgrade has not changed timeoutSeconds: %v", err)
	}
	// The webhook still restores what it owns.
	in.settle(t)
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
	in.waitInjected(t, "shop", "hardened")
	if err := upgrade("--set=webhook.timeoutSeconds=8"); err != nil {
		t.Errorf("the next helm upgrade: %v", err)
	}
}
