// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the compiled product on a real API server, which is the
// oracle: what it accepts, refuses, writes into its audit log and tells its
// clients is not ours.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/webhook"
)

// What the tests of this package share: one control plane, and one webhook with
// the configuration that is shipped.
var (
	controlPlane *controlplane.Cluster
	client       kubernetes.Interface
	binary       string
	shared       *webhook.Webhook
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "caseharden-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if binary, err = webhook.Compile(ctx, os.Stderr); err != nil {
		return 0, err
	}
	controlPlane, err = controlplane.Start(ctx, controlplane.Options{
		Log: os.Stderr,
		// Real pods name service accounts, priority classes and runtime classes that
		// do not exist here.
		APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount,Priority,RuntimeClass"},
	})
	if err != nil {
		return 0, err
	}
	defer controlPlane.Stop()
	config := controlPlane.Config()
	config.WarningHandler = rest.NoWarnings{} // of deprecated fields, in the corpus
	if client, err = kubernetes.NewForConfig(config); err != nil {
		return 0, err
	}
	if shared, err = webhook.Start(ctx, binary, dir); err != nil {
		return 0, err
	}
	defer shared.Stop()
	defer stopProfiles()
	configuration, err := shared.Configuration()
	if err != nil {
		return 0, err
	}
	if err := install(ctx, configuration, map[string]string{"caseharden.io/enforce": "hardened"}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// install creates a webhook configuration and returns when the API server calls
// it, which it shows on a pod in a namespace with the labels.
func install(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, labels map[string]string) error {
	if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := waitForEffect(ctx, client, labels); err != nil {
		return fmt.Errorf("webhook configuration %s: %w", configuration.Name, err)
	}
	return nil
}

// waitForEffect returns when pods are hardened in a namespace with the labels. It leaves
// one without labels behind.
func waitForEffect(ctx context.Context, client kubernetes.Interface, labels map[string]string) error {
	namespaces := client.CoreV1().Namespaces()
	namespace, err := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "install-"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	for range 200 {
		if err = hasEffect(ctx, client, namespace, labels); err == nil {
			namespace.Labels = nil
			_, err = namespaces.Update(ctx, namespace, metav1.UpdateOptions{})
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("no effect of %v after 10 s: %w", labels, err)
}

func hasEffect(ctx context.Context, client kubernetes.Interface, namespace *corev1.Namespace, labels map[string]string) error {
	namespace.Labels = labels
	updated, err := client.CoreV1().Namespaces().Update(ctx, namespace, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	*namespace = *updated
	pod, err := client.CoreV1().Pods(namespace.Name).Create(ctx, barePod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil && pod.Annotations["caseharden.io/injected"] == "" {
		err = errors.New("a pod is not hardened")
	}
	return err
}

func barePod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "bare"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
}

// newWebhook starts a webhook of the test's own, called for namespaces with the
// returned label instead of caseharden.io/enforce: hardened.
func newWebhook(t *testing.T, edit func(*admissionregistrationv1.MutatingWebhook)) (*webhook.Webhook, map[string]string) {
	t.Helper()
	w, err := webhook.Start(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	configuration, err := w.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	name := unique("own")
	configuration.Name = name
	configuration.Webhooks = configuration.Webhooks[:1] // enforce-hardened
	labels := map[string]string{"test.caseharden.io/instance": name}
	configuration.Webhooks[0].NamespaceSelector.MatchLabels = labels
	if edit != nil {
		edit(&configuration.Webhooks[0])
	}
	if err := install(t.Context(), configuration, labels); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Delete(context.Background(), name, metav1.DeleteOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	return w, labels
}

var counter atomic.Int64

func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, counter.Add(1)) }

// newNamespace creates a namespace for the test, with labels.
func newNamespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	name := unique("test")
	_, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// newEnforced creates a namespace that has opted in to a profile.
func newEnforced(t *testing.T, profile string) string {
	t.Helper()
	return newNamespace(t, map[string]string{"caseharden.io/enforce": profile})
}

// pod reads a pod from YAML.
func pod(t *testing.T, manifest string) *corev1.Pod {
	t.Helper()
	var p corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(manifest), &p); err != nil {
		t.Fatalf("%v:\n%s", err, manifest)
	}
	if p.Name == "" {
		p.Name = unique("pod")
	}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			if list[i].Image == "" {
				list[i].Image = "app"
			}
		}
	}
	return &p
}

// create creates a pod and returns it as it was admitted.
func create(t *testing.T, namespace string, p *corev1.Pod) *corev1.Pod {
	t.Helper()
	created, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// securityContexts returns the security contexts of a pod and its containers as
// JSON, by container name; the pod's own is under "".
func securityContexts(t *testing.T, p *corev1.Pod) map[string]string {
	t.Helper()
	toJSON := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	contexts := map[string]string{"": toJSON(p.Spec.SecurityContext)}
	for _, c := range p.Spec.InitContainers {
		contexts[c.Name] = toJSON(c.SecurityContext)
	}
	for _, c := range p.Spec.Containers {
		contexts[c.Name] = toJSON(c.SecurityContext)
	}
	for _, c := range p.Spec.EphemeralContainers {
		contexts[c.Name] = toJSON(c.SecurityContext)
	}
	return contexts
}

// allSix is a container's security context that was empty before the profile
// hardened filled it in, as the API server writes it.
const allSix = `{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
