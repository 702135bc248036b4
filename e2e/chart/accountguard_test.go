// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// An attempt is a change that a pod that was taken over might make.
type attempt struct {
	field  string // of a MutatingWebhook or of its WebhookClientConfig, if of one
	change func(*admissionregistrationv1.MutatingWebhookConfiguration)
}

// attempts have one for each field of a webhook, and those of the object's metadata that
// matter.
func attempts() map[string]attempt {
	first := func(change func(*admissionregistrationv1.MutatingWebhook)) func(*admissionregistrationv1.MutatingWebhookConfiguration) {
		return func(c *admissionregistrationv1.MutatingWebhookConfiguration) { change(&c.Webhooks[0]) }
	}
	type webhook = admissionregistrationv1.MutatingWebhook
	return map[string]attempt{
		"another name": {"Name", first(func(w *webhook) { w.Name = "other.caseharden.io" })},
		"a URL": {"URL", first(func(w *webhook) {
			url := "https://attacker.example.com/"
			w.ClientConfig.URL, w.ClientConfig.Service = &url, nil
		})},
		"another Service": {"Service", first(func(w *webhook) { w.ClientConfig.Service.Namespace = "attacker" })},
		"another path":    {"Service", first(func(w *webhook) { path := "/"; w.ClientConfig.Service.Path = &path })},
		"more rules": {"Rules", first(func(w *webhook) {
			w.Rules = append(w.Rules, *w.Rules[0].DeepCopy())
			w.Rules[len(w.Rules)-1].Resources = []string{"secrets"}
		})},
		"another failurePolicy": {"FailurePolicy", first(func(w *webhook) { p := admissionregistrationv1.Ignore; w.FailurePolicy = &p })},
		"another matchPolicy":   {"MatchPolicy", first(func(w *webhook) { p := admissionregistrationv1.Exact; w.MatchPolicy = &p })},
		"any namespace":         {"NamespaceSelector", first(func(w *webhook) { w.NamespaceSelector = nil })},
		"kube-system too":       {"NamespaceSelector", first(func(w *webhook) { w.NamespaceSelector.MatchExpressions = nil })},
		"some objects":          {"ObjectSelector", first(func(w *webhook) { w.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}} })},
		"side effects":          {"SideEffects", first(func(w *webhook) { s := admissionregistrationv1.SideEffectClassNoneOnDryRun; w.SideEffects = &s })},
		"a longer timeout":      {"TimeoutSeconds", first(func(w *webhook) { s := int32(30); w.TimeoutSeconds = &s })},
		"other versions":        {"AdmissionReviewVersions", first(func(w *webhook) { w.AdmissionReviewVersions = []string{"v1", "v1beta1"} })},
		"no second call":        {"ReinvocationPolicy", first(func(w *webhook) { p := admissionregistrationv1.NeverReinvocationPolicy; w.ReinvocationPolicy = &p })},
		"no conditions":         {"MatchConditions", first(func(w *webhook) { w.MatchConditions = nil })},
		"no webhooks":           {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) { c.Webhooks = nil }},
		"one webhook less":      {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) { c.Webhooks = c.Webhooks[1:] }},
		"one webhook more": {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Webhooks = append(c.Webhooks, *c.Webhooks[0].DeepCopy())
			c.Webhooks[len(c.Webhooks)-1].Name = "other.caseharden.io"
		}},
		"labels": {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) { c.Labels["a"] = "b" }},
		"annotations": {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Annotations = map[string]string{"a": "b"}
		}},
		"a finalizer": {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.Finalizers = []string{"example.com/stay"}
		}},
		"an owner": {"", func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
			c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: "gone", UID: "gone"}}
		}},
	}
}

// There is an attempt at each field that a webhook has: one that Kubernetes adds fails
// this test, and then belongs into the policy.
func TestAttemptsAreAtEveryField(t *testing.T) {
	tried := map[string]bool{}
	for _, a := range attempts() {
		tried[a.field] = true
	}
	fields := reflect.VisibleFields(reflect.TypeFor[admissionregistrationv1.MutatingWebhook]())
	fields = append(fields, reflect.VisibleFields(reflect.TypeFor[admissionregistrationv1.WebhookClientConfig]())...)
	for _, field := range fields {
		if !tried[field.Name] && field.Name != "ClientConfig" && field.Name != "CABundle" {
			t.Errorf("no attempt is made at %s", field.Name)
		}
	}
}

// With the account of the pods, and every permission that RBAC could give, nothing but
// caBundle can be changed in the webhook configuration, and no Secret written but the
// one. Without the guard all of it could.
func TestAccountGuard(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t)
	account := in.as(t, "system:serviceaccount:caseharden:caseharden")
	bedtest.Within(t, soon, "the guard to be heeded", func() error {
		if err := try(t, account, attempts()["labels"]); err == nil {
			return errNotRefused
		}
		return nil
	})
	for name, a := range attempts() {
		if err := try(t, account, a); err == nil || !strings.Contains(err.Error(), "caseharden may change nothing of its webhook configuration but caBundle") {
			t.Errorf("%s: %v", name, err)
		}
	}
	secrets := []*corev1.Secret{
		{ObjectMeta: metav1.ObjectMeta{Name: "sh.helm.release.v1.caseharden.v2"}},
		{ObjectMeta: metav1.ObjectMeta{GenerateName: "caseharden-tls"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "caseharden-tls-2"}},
	}
	for _, secret := range secrets {
		if err := create(t, account, "caseharden", secret); err == nil || !strings.Contains(err.Error(), "caseharden may write no Secret but its own") {
			t.Errorf("Secret %s%s: %v", secret.Name, secret.GenerateName, err)
		}
	}
	// A token would be filled into this one, where there is no Secret of its name yet. (The
	// guard is asked before the API server finds that there is one.)
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "caseharden-tls", Annotations: map[string]string{corev1.ServiceAccountNameKey: "default"}},
		Type:       corev1.SecretTypeServiceAccountToken,
	}
	in.namespace(t, "empty", nil)
	if err := create(t, account, "caseharden", token); err == nil || !strings.Contains(err.Error(), "caseharden may change nothing of its Secret but its certificates and their keys") {
		t.Errorf("a token of another account: %v", err)
	}

	if _, err := in.client.CoreV1().Secrets("caseharden").Create(t.Context(), secrets[2].DeepCopy(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := account.CoreV1().Secrets("caseharden").Update(t.Context(), secrets[2].DeepCopy(), metav1.UpdateOptions{}); err == nil || !strings.Contains(err.Error(), "no Secret but its own") {
		t.Errorf("a change of another Secret: %v", err)
	}

	// What it is there for goes on, and nobody else is concerned.
	bundle := attempt{change: func(c *admissionregistrationv1.MutatingWebhookConfiguration) {
		c.Webhooks[0].ClientConfig.CABundle = nil
	}}
	if err := try(t, account, bundle); err != nil {
		t.Errorf("a caBundle: %v", err)
	}
	in.addWebhooks(t, 600)
	if err := try(t, account, bundle); err != nil {
		t.Errorf("a caBundle among very many: %v", err)
	}
	if err := try(t, account, attempts()["more rules"]); err == nil {
		t.Error("among very many webhooks one can be changed")
	}
	other := in.as(t, "alice")
	if err := try(t, other, attempts()["labels"]); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if err := create(t, other, "caseharden", secrets[0]); err != nil {
		t.Errorf("somebody else: %v", err)
	}

	in.kubectlOK(t, "delete", "validatingadmissionpolicybinding", "caseharden-account")
	bedtest.Within(t, soon, "the guard to be gone", func() error { return try(t, account, attempts()["labels"]) })
	for name, a := range attempts() {
		if err := try(t, account, a); err != nil {
			t.Errorf("without the guard, %s: %v", name, err)
		}
	}
	for _, secret := range slices.Concat(secrets, []*corev1.Secret{token}) {
		if err := create(t, account, "empty", secret); err != nil {
			t.Errorf("without the guard, Secret %s%s: %v", secret.Name, secret.GenerateName, err)
		}
	}
}

// addWebhooks adds as many webhooks as hundreds of profiles would.
func (in *installation) addWebhooks(t *testing.T, n int) {
	t.Helper()
	configurations := in.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration, err := configurations.Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		w := configuration.Webhooks[0].DeepCopy()
		w.Name = fmt.Sprintf("further-%d.caseharden.io", i)
		configuration.Webhooks = append(configuration.Webhooks, *w)
	}
	if _, err := configurations.Update(t.Context(), configuration, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// as returns a client of somebody to whom RBAC permits everything.
func (in *installation) as(t *testing.T, user string) kubernetes.Interface {
	t.Helper()
	config := in.cluster.Config()
	config.WarningHandler = rest.NoWarnings{}
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// try makes an attempt, in a dry run.
func try(t *testing.T, client kubernetes.Interface, a attempt) error {
	t.Helper()
	configurations := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration, err := configurations.Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a.change(configuration)
	_, err = configurations.Update(t.Context(), configuration, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

func create(t *testing.T, client kubernetes.Interface, namespace string, secret *corev1.Secret) error {
	t.Helper()
	_, err := client.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}
