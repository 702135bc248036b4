// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// A patch rests on the version that was seen, and touches caBundle alone.
func TestBundlePatch(t *testing.T) {
	seen := &admissionregistrationv1.MutatingWebhookConfiguration{}
	seen.ResourceVersion = "7"
	seen.Webhooks = []admissionregistrationv1.MutatingWebhook{{Name: "a.example"}, {Name: "b.example"}}
	patch, err := bundlePatch(seen, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"metadata":{"resourceVersion":"7"},"webhooks":[{"name":"a.example","clientConfig":{"caBundle":"eA=="}},{"name":"b.example","clientConfig":{"caBundle":"eA=="}}]}`
	if string(patch) != want {
		t.Errorf("patch %s, want %s", patch, want)
	}
}
