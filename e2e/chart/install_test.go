// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/cert"

	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

// With each way to a certificate the chart is installed by Helm, its pods become ready
// with no more permissions than it grants, and pods are hardened through its Service.
func TestInstall(t *testing.T) {
	const host = "caseharden.caseharden.svc"
	for mode, prepare := range map[string]func(t *testing.T, in *installation) []string{
		"self-managed": func(*testing.T, *installation) []string { return nil },
		"provided": func(t *testing.T, in *installation) []string {
			certificate, key := issue(t, host)
			in.createSecret(t, "serving", certificate, key)
			return []string{"--set=certificates.secretName=serving", "--set-file=certificates.caBundle=" + write(t, certificate)}
		},
		"cert-manager": func(t *testing.T, in *installation) []string {
			in.createCRDs(t)
			// What cert-manager would issue for the Certificate of the chart.
			certificate, key := issue(t, host)
			in.createSecret(t, "caseharden-tls", certificate, key)
			return nil
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			in.namespace(t, "caseharden", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
			args := append(prepare(t, in), "--set=certificates.mode="+mode)
			in.helm(t, append([]string{"install", "caseharden", chartDir(), "--namespace=caseharden", "--set=shutdownDelaySeconds=2"}, args...)...)
			if mode == "cert-manager" {
				in.injectCA(t)
			}
			in.settle(t)
			in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
			in.waitInjected(t, "shop", "hardened")
			in.ownPods(t)
			in.noAPIAccess(t, mode != "self-managed")
		})
	}
}

// ownPods checks that the pods of the chart are admitted where Pod Security enforces
// restricted, and that caseharden's own profile has nothing to add to them.
func (in *installation) ownPods(t *testing.T) {
	t.Helper()
	deployment, err := in.client.AppsV1().Deployments("caseharden").Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"caseharden", "shop"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "own", Labels: deployment.Spec.Template.Labels}, Spec: deployment.Spec.Template.Spec}
		created, err := in.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			t.Errorf("a pod of ours in namespace %s: %v", namespace, err)
		} else if injected := created.Annotations["caseharden.io/injected"]; injected != "" {
			t.Errorf("into a pod of ours in namespace %s is injected: %s", namespace, injected)
		}
	}
	privileged := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "control"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "app", Image: "app", SecurityContext: &corev1.SecurityContext{Privileged: &privileged},
	}}}}
	if _, err := in.client.CoreV1().Pods("caseharden").Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); !apierrors.IsForbidden(err) {
		t.Errorf("Pod Security does not judge here: %v", err)
	}
}

// noAPIAccess checks whether nothing is granted, and no token mounted.
func (in *installation) noAPIAccess(t *testing.T, want bool) {
	t.Helper()
	deployment, err := in.client.AppsV1().Deployments("caseharden").Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if mounted := *deployment.Spec.Template.Spec.AutomountServiceAccountToken; mounted == want {
		t.Errorf("a token is mounted: %v", mounted)
	}
	account := "system:serviceaccount:caseharden:" + deployment.Spec.Template.Spec.ServiceAccountName
	if granted := in.granted(t, account); (len(granted) == 0) != want {
		t.Errorf("%s has %q", account, granted)
	}
}

// granted returns what roles the bindings of the chart give to an account.
func (in *installation) granted(t *testing.T, account string) []string {
	t.Helper()
	clusterWide, err := in.client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	namespaced, err := in.client.RbacV1().RoleBindings("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var granted []string
	add := func(subjects []rbacv1.Subject, role rbacv1.RoleRef) {
		for _, s := range subjects {
			if s.Kind == rbacv1.ServiceAccountKind && "system:serviceaccount:"+s.Namespace+":"+s.Name == account {
				granted = append(granted, role.Kind+" "+role.Name)
			}
		}
	}
	for _, b := range clusterWide.Items {
		add(b.Subjects, b.RoleRef)
	}
	for _, b := range namespaced.Items {
		add(b.Subjects, b.RoleRef)
	}
	return granted
}

// createCRDs makes the kinds of cert-manager and of the Prometheus operator known.
func (in *installation) createCRDs(t *testing.T) {
	t.Helper()
	files, err := tools.CRDs(t.Context(), "cert-manager", "prometheus-operator")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, stderr, err := in.kubectl(t, "", "apply", "--server-side", "-f", file); err != nil {
			t.Fatalf("%s: %v", stderr, err)
		}
	}
	if _, stderr, err := in.kubectl(t, "", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"); err != nil {
		t.Fatalf("%s: %v", stderr, err)
	}
}

// injectCA does what cert-manager does for a webhook configuration that says so.
func (in *installation) injectCA(t *testing.T) {
	t.Helper()
	configurations := in.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration, err := configurations.Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if from := configuration.Annotations["cert-manager.io/inject-ca-from"]; from != "caseharden/caseharden" {
		t.Fatalf("the CA is to be injected from %q", from)
	}
	secret, err := in.client.CoreV1().Secrets("caseharden").Get(t.Context(), "caseharden-tls", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig.CABundle = secret.Data["tls.crt"]
	}
	if _, err := configurations.Update(t.Context(), configuration, metav1.UpdateOptions{FieldManager: "cert-manager-cainjector"}); err != nil {
		t.Fatal(err)
	}
}

// issue makes a certificate for a host, which is its own CA.
func issue(t *testing.T, host string) (certificate, key []byte) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (in *installation) createSecret(t *testing.T, name string, certificate, key []byte) {
	t.Helper()
	_, err := in.client.CoreV1().Secrets("caseharden").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{"tls.crt": certificate, "tls.key": key},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
