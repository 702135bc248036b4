// SPDX-License-Identifier: Apache-2.0

// Package api tests the compiled product on a real API server, which is the
// oracle: what it accepts, refuses, writes into its audit log and tells its
// clients is not ours.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// What the tests of this package share: one control plane, and one webhook with
// the configuration that is shipped.
var (
	controlPlane *controlplane.ControlPlane
	client       kubernetes.Interface
	binary       string
	shared       *webhook.Webhook
)

func TestMain(m *testing.M) {
	bedtest.Main(func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
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
	if err := webhook.Install(ctx, client, configuration, map[string]string{"caseharden.io/enforce": "hardened"}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func barePod() *corev1.Pod { return webhook.BarePod() }

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
	configuration.Webhooks = []admissionregistrationv1.MutatingWebhook{*webhook.Entry(configuration, "enforce", "hardened")}
	labels := map[string]string{"test.caseharden.io/instance": name}
	configuration.Webhooks[0].NamespaceSelector.MatchLabels = labels
	if edit != nil {
		edit(&configuration.Webhooks[0])
	}
	if err := webhook.Install(t.Context(), client, configuration, labels); err != nil {
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
