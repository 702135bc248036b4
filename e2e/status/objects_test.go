// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	_, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func spec() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}}
}

func controlledBy(apiVersion, kind, name string, o metav1.Object) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: name, UID: o.GetUID(), Controller: &yes}}
}

// deploy creates a Deployment, its ReplicaSet and a Pod, as the controllers would.
func deploy(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec()}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	d, err := client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := client.AppsV1().ReplicaSets(namespace).Create(t.Context(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-1", OwnerReferences: controlledBy("apps/v1", "Deployment", name, d)},
		Spec:       appsv1.ReplicaSetSpec{Selector: selector, Template: template},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return podOf(t, namespace, name+"-1-a", template, controlledBy("apps/v1", "ReplicaSet", name+"-1", rs))
}

func podOf(t *testing.T, namespace, name string, template corev1.PodTemplateSpec, owners []metav1.OwnerReference) *corev1.Pod {
	t.Helper()
	p, err := client.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: template.Labels, OwnerReferences: owners}, Spec: template.Spec,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// report writes the status of a Pod's container, as a kubelet does.
func reported(t *testing.T, p *corev1.Pod, c corev1.ContainerStatus) {
	t.Helper()
	c.Name = p.Spec.Containers[0].Name
	p.Status.Phase = corev1.PodRunning
	p.Status.ContainerStatuses = []corev1.ContainerStatus{c}
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse}
	if c.Ready {
		condition.Status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{condition}
	if _, err := client.CoreV1().Pods(p.Namespace).UpdateStatus(t.Context(), p, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func ended(code int32, message string) corev1.ContainerStatus {
	end := &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}
	return corev1.ContainerStatus{RestartCount: 3, LastTerminationState: corev1.ContainerState{Terminated: end},
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 40s"}}}
}

func waits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// label has a namespace enforce the profile hardened.
func label(t *testing.T, namespace string) {
	t.Helper()
	patch := []byte(`{"metadata":{"labels":{"caseharden.io/enforce":"hardened"}}}`)
	_, err := client.CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "test"})
	if err != nil {
		t.Fatal(err)
	}
}
