// SPDX-License-Identifier: Apache-2.0

package status

import "testing"

// Without a label that names a profile, the default of the installation holds. The label
// enforce=none opts out, and excluded namespaces stay excluded.
func TestDefault(t *testing.T) {
	t.Parallel()
	w, err := ReadWebhook([]byte(`{"webhooks": [
		{"name": "enforce-hardened.caseharden.io", "namespaceSelector": {"matchLabels": {"caseharden.io/enforce": "hardened"}}},
		{"name": "enforce-restricted.caseharden.io", "namespaceSelector": {"matchExpressions": [
			{"key": "caseharden.io/enforce", "operator": "NotIn", "values": ["hardened", "none"]},
			{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, label, want string }{
		{"plain", "", "restricted"},
		{"mistyped", "hardend", "restricted"},
		{"own", "hardened", "hardened"},
		{"named", "restricted", "restricted"},
		{"opted-out", "none", ""},
		{"kube-system", "", ""},
	} {
		n := &Namespace{Name: c.name, Labels: map[string]string{}}
		if c.label != "" {
			n.Labels["caseharden.io/enforce"] = c.label
		}
		s := &Snapshot{Webhook: w, Namespaces: []*Namespace{n}}
		s.ApplyDefault()
		if got := n.Profile("enforce"); got != c.want || n.Asks() != (c.want != "") {
			t.Errorf("%s with the label %q: profile %q, want %q", c.name, c.label, got, c.want)
		}
	}
}
