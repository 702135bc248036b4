// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
)

// The API server adds the node selector of a RuntimeClass to a new pod before it calls
// webhooks. So a pod whose RuntimeClass is for Windows is known as one, though its author
// has written nothing but a name.
func TestRuntimeClassOfWindows(t *testing.T) {
	binary, err := webhook.Compile(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := controlplane.Start(t.Context(), controlplane.Options{
		Log: os.Stderr,
		// There is nobody to make service accounts. RuntimeClass is among the defaults.
		APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	w, err := webhook.Start(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := w.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"caseharden.io/enforce": "hardened"}}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	class := &nodev1.RuntimeClass{
		ObjectMeta: metav1.ObjectMeta{Name: "ltsc2022"}, Handler: "runhcs",
		Scheduling: &nodev1.Scheduling{NodeSelector: map[string]string{"node.kubernetes.io/windows-build": "10.0.20348"}},
	}
	if _, err := client.NodeV1().RuntimeClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	injected := func(runtimeClass *string) string {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "app"},
			Spec:       corev1.PodSpec{RuntimeClassName: runtimeClass, Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}
		// The API server learns of the configuration, the label and the RuntimeClass in its own time.
		var last string
		for range 200 {
			created, err := client.CoreV1().Pods("shop").Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				last = err.Error()
			} else if last = created.Annotations["caseharden.io/injected"]; last != "" {
				return last
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("no pod was hardened in 10 s: %s", last)
		return ""
	}
	got := map[string]string{"none": injected(nil), class.Name: injected(&class.Name)}
	want := map[string]string{
		"none":     `{"profile":"hardened","containers":{"app":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"]}}`,
		class.Name: `{"profile":"hardened","containers":{"app":["runAsNonRoot"]}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was filled in, by RuntimeClass (-want +got):\n%s", diff)
	}
}
