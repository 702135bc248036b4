// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What kubectl debug does: a container is added to a running pod. It is
// hardened, and nothing else of the pod is touched.
func TestEphemeralContainers(t *testing.T) {
	// The first one comes before the namespace opts in, so that it is not hardened.
	namespace := newNamespace(t, nil)
	running := create(t, namespace, barePod())
	running = addEphemeral(t, running, "first")

	labels := []byte(`{"metadata":{"labels":{"caseharden.io/enforce":"hardened"}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), namespace, "application/merge-patch+json", labels, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	waitOptedIn(t, namespace)
	running = addEphemeral(t, running, "second")

	want := map[string]string{"": "{}", "app": "null", "first": "null", "second": allSix}
	if diff := cmp.Diff(want, securityContexts(t, running)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	if annotation, ok := running.Annotations["caseharden.io/injected"]; ok {
		t.Errorf("the pod was annotated: %s", annotation)
	}
}

func addEphemeral(t *testing.T, p *corev1.Pod, name string) *corev1.Pod {
	t.Helper()
	p = p.DeepCopy()
	p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, corev1.EphemeralContainer{
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, Image: "debugger", ImagePullPolicy: corev1.PullIfNotPresent,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
	})
	updated, err := client.CoreV1().Pods(p.Namespace).UpdateEphemeralContainers(t.Context(), p.Name, p, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return updated
}
