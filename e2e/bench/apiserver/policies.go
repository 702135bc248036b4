// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"context"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// Each file is a MutatingAdmissionPolicy that does what Caseharden's profile hardened
// does, formulated differently.
//
//go:embed policies/*.yaml
var policyFiles embed.FS

// fastestPolicy is the formulation that Caseharden is compared with.
const fastestPolicy = "jsonpatch"

// policyNames are those of all formulations, in alphabetical order.
func policyNames() ([]string, error) {
	files, err := policyFiles.ReadDir("policies")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), path.Ext(f.Name())))
	}
	slices.Sort(names)
	return names, nil
}

// installPolicy creates a policy, bound to namespaces with the labels.
func installPolicy(ctx context.Context, client kubernetes.Interface, name string, labels map[string]string) error {
	data, err := policyFiles.ReadFile("policies/" + name + ".yaml")
	if err != nil {
		return err
	}
	var policy admissionregistrationv1.MutatingAdmissionPolicy
	if err := yaml.UnmarshalStrict(data, &policy); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	registration := client.AdmissionregistrationV1()
	if _, err := registration.MutatingAdmissionPolicies().Create(ctx, &policy, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	_, err = registration.MutatingAdmissionPolicyBindings().Create(ctx, &admissionregistrationv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{
			PolicyName: policy.Name,
			MatchResources: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: labels},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("binding of policy %s: %w", name, err)
	}
	return nil
}
