// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Install creates a webhook configuration, and returns when pods are hardened in a namespace
// with the labels.
func Install(ctx context.Context, client kubernetes.Interface, configuration *admissionregistrationv1.MutatingWebhookConfiguration, labels map[string]string) error {
	if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := WaitForEffect(ctx, client, labels); err != nil {
		return fmt.Errorf("webhook configuration %s: %w", configuration.Name, err)
	}
	return nil
}

// WaitForEffect returns when pods are hardened in a namespace with the labels. It leaves
// one without labels behind.
func WaitForEffect(ctx context.Context, client kubernetes.Interface, labels map[string]string) error {
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
	pod, err := client.CoreV1().Pods(namespace.Name).Create(ctx, BarePod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil && pod.Annotations["caseharden.io/injected"] == "" {
		err = errors.New("a pod is not hardened")
	}
	return err
}

// BarePod returns a pod that sets nothing but what it must.
func BarePod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "bare"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
}
