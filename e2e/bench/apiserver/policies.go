// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"context"
	"embed"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// Each file is a MutatingAdmissionPolicy that does what Caseharden's profile hardened
// does.
//
//go:embed policies/*.yaml
var policyFiles embed.FS

// A formulation is a way to write that policy.
type formulation struct {
	name string
	file string // in policies
	edit func(*admissionregistrationv1.MutatingAdmissionPolicy)

	// apart makes a policy of each mutation. They come in any order.
	apart bool
}

// fastestPolicy is the formulation that Caseharden is compared with.
const fastestPolicy = "jsonpatch"

// formulations are all that are compared with each other.
var formulations = []formulation{
	{name: fastestPolicy, file: "jsonpatch"},
	{name: "jsonpatch-unconditional", file: "jsonpatch", edit: func(p *admissionregistrationv1.MutatingAdmissionPolicy) {
		p.Spec.MatchConditions = nil
	}},
	{name: "jsonpatch-reinvoked", file: "jsonpatch", edit: func(p *admissionregistrationv1.MutatingAdmissionPolicy) {
		p.Spec.ReinvocationPolicy = admissionregistrationv1.IfNeededReinvocationPolicy
	}},
	{name: "jsonpatch-leaves", file: "jsonpatch-leaves"},
	{name: "apply-and-jsonpatch", file: "apply-and-jsonpatch"},
	{name: "apply-and-jsonpatch-apart", file: "apply-and-jsonpatch", apart: true},
}

// policies reads what there is to create.
func (f formulation) policies() ([]*admissionregistrationv1.MutatingAdmissionPolicy, error) {
	data, err := policyFiles.ReadFile("policies/" + f.file + ".yaml")
	if err != nil {
		return nil, err
	}
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{}
	if err := yaml.UnmarshalStrict(data, policy); err != nil {
		return nil, fmt.Errorf("policies/%s.yaml: %w", f.file, err)
	}
	policy.Name = f.name
	if f.edit != nil {
		f.edit(policy)
	}
	if !f.apart {
		return []*admissionregistrationv1.MutatingAdmissionPolicy{policy}, nil
	}
	var policies []*admissionregistrationv1.MutatingAdmissionPolicy
	for i, mutation := range policy.Spec.Mutations {
		one := policy.DeepCopy()
		one.Name = fmt.Sprintf("%s-%d", f.name, i)
		one.Spec.Mutations = []admissionregistrationv1.Mutation{mutation}
		policies = append(policies, one)
	}
	return policies, nil
}

// installPolicy creates the policy in the formulation of that name, bound to namespaces
// with the labels.
func installPolicy(ctx context.Context, client kubernetes.Interface, name string, labels map[string]string) error {
	i := slices.IndexFunc(formulations, func(f formulation) bool { return f.name == name })
	if i < 0 {
		return fmt.Errorf("policy %q: unknown", name)
	}
	policies, err := formulations[i].policies()
	if err != nil {
		return err
	}
	registration := client.AdmissionregistrationV1()
	for _, policy := range policies {
		if _, err := registration.MutatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("policy %s: %w", policy.Name, err)
		}
		_, err := registration.MutatingAdmissionPolicyBindings().Create(ctx, &admissionregistrationv1.MutatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: policy.Name},
			Spec: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{
				PolicyName: policy.Name,
				MatchResources: &admissionregistrationv1.MatchResources{
					NamespaceSelector: &metav1.LabelSelector{MatchLabels: labels},
				},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("binding of policy %s: %w", policy.Name, err)
		}
	}
	return nil
}
