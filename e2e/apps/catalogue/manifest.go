// SPDX-License-Identifier: Apache-2.0

//go:build linux

package catalogue

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Deployment returns the workload as its author wrote it.
func (a App) Deployment() (*appsv1.Deployment, error) {
	var spec corev1.PodSpec
	if err := yaml.UnmarshalStrict([]byte(a.Pod), &spec); err != nil {
		return nil, fmt.Errorf("%s: pod: %w", a.Name, err)
	}
	container := corev1.Container{Name: a.Name, Image: a.ImageName()}
	if err := yaml.UnmarshalStrict([]byte(a.Container), &container); err != nil {
		return nil, fmt.Errorf("%s: container: %w", a.Name, err)
	}
	spec.Containers = append([]corev1.Container{container}, spec.Containers...)
	labels := map[string]string{"app": a.Name}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, nil
}

// Manifest returns the workload, and what its pod needs, in YAML, in a namespace of the
// application's name. The image has another name if that is not empty.
func (a App) Manifest(image string) (string, error) {
	d, err := a.Deployment()
	if err != nil {
		return "", err
	}
	d.Namespace = a.Name
	if image != "" {
		d.Spec.Template.Spec.Containers[0].Image = image
	}
	text, err := yaml.Marshal(d)
	if err != nil {
		return "", err
	}
	if a.Objects != "" {
		return string(text) + "---\n" + strings.TrimSpace(a.Objects) + "\n", nil
	}
	return string(text), nil
}
