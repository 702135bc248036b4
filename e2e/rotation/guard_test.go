// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"errors"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// guardAccount creates the account guard of deploy/install.yaml, which holds the account
// of the namespace caseharden, and waits until the API server heeds it.
func guardAccount(t *testing.T) {
	t.Helper()
	objects, err := manifests.Install()
	if err != nil {
		t.Fatal(err)
	}
	var policy admissionregistrationv1.ValidatingAdmissionPolicy
	var binding admissionregistrationv1.ValidatingAdmissionPolicyBinding
	for kind, into := range map[string]any{"ValidatingAdmissionPolicy": &policy, "ValidatingAdmissionPolicyBinding": &binding} {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(named(t, objects, kind, "caseharden-account"), into, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(t.Context(), &binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	config := controlPlane.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:caseharden:caseharden", Groups: []string{"system:masters"}}
	account, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	bedtest.Within(t, soon, "the account guard to be heeded", func() error {
		other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
		if _, err := account.CoreV1().Secrets("caseharden").Create(t.Context(), other, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err == nil {
			return errors.New("another Secret can be written")
		}
		return nil
	})
}

func named(t *testing.T, objects []*unstructured.Unstructured, kind, name string) map[string]any {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o.Object
		}
	}
	t.Fatalf("deploy/install.yaml has no %s %s", kind, name)
	return nil
}
