// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// clientWithWarnings returns a client that records the warnings it is sent.
func clientWithWarnings(t *testing.T) (kubernetes.Interface, *webhook.Warnings) {
	t.Helper()
	r := &webhook.Warnings{}
	config := rest.CopyConfig(controlPlane.Config())
	config.WarningHandler = r
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, r
}

const legacyPod = `
spec:
  containers:
  - {name: app}
  - {name: root, securityContext: {runAsUser: 0}}
  - name: done
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
`

func TestWarn(t *testing.T) {
	p := pod(t, legacyPod)
	plain := create(t, newNamespace(t, nil), p)

	warned, r := clientWithWarnings(t)
	namespace := newNamespace(t, map[string]string{"caseharden.io/warn": "hardened"})
	admitted, err := warned.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`caseharden: container "app" would get all 6 defaults of profile hardened`,
		`caseharden: container "root" would get all 6 defaults of profile hardened but runAsNonRoot, runAsUser`,
	}
	if diff := cmp.Diff(want, r.Take()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(plain.Spec, admitted.Spec); diff != "" {
		t.Errorf("the pod was changed (-plain +warned):\n%s", diff)
	}
	if len(admitted.Annotations) > 0 {
		t.Errorf("the pod was annotated: %v", admitted.Annotations)
	}
}

func TestEnforceDoesNotWarn(t *testing.T) {
	enforced, r := clientWithWarnings(t)
	if _, err := enforced.CoreV1().Pods(newEnforced(t, "hardened")).Create(t.Context(), barePod(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if warnings := r.Take(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestAudit(t *testing.T) {
	p := pod(t, legacyPod)
	plain := create(t, newNamespace(t, nil), p)

	audited, r := clientWithWarnings(t)
	namespace, manager := newNamespace(t, map[string]string{"caseharden.io/audit": "hardened"}), unique("audit")
	admitted, err := audited.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain.Spec, admitted.Spec); diff != "" || len(admitted.Annotations) > 0 {
		t.Errorf("the pod was changed: annotations %v, spec (-plain +audited):\n%s", admitted.Annotations, diff)
	}
	if warnings := r.Take(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
	want := map[string]string{
		"audit-hardened.caseharden.io/would-inject": `{"profile":"hardened","containers":{` +
			`"app":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"],` +
			`"root":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","seccompProfile"]}}`,
		"audit-hardened.caseharden.io/skipped": `{"profile":"hardened","containers":{"root":{"runAsNonRoot":"runs-as-root"}}}`,
	}
	if diff := cmp.Diff(want, auditAnnotations(t, manager)); diff != "" {
		t.Errorf("annotations of the audit event (-want +got):\n%s", diff)
	}
}

// The labels are independent: one profile is enforced, and the next step is
// shown.
func TestEnforceOneAndWarnOfTheNext(t *testing.T) {
	c, r := clientWithWarnings(t)
	namespace := newNamespace(t, map[string]string{"caseharden.io/enforce": "restricted", "caseharden.io/warn": "hardened"})
	if _, err := c.CoreV1().Pods(namespace).Create(t.Context(), barePod(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []string{`caseharden: container "app" would get readOnlyRootFilesystem, runAsUser (profile hardened)`}
	if diff := cmp.Diff(want, r.Take()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
