// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A permitted is what the chart grants, for one installation.
type permitted struct {
	role               rbacv1.Role
	roleBinding        rbacv1.RoleBinding
	clusterRole        rbacv1.ClusterRole
	clusterRoleBinding rbacv1.ClusterRoleBinding
}

// permissions reads deploy/install.yaml. Only the names are those of the installation.
func permissions(t *testing.T, in *installation) *permitted {
	t.Helper()
	objects, err := manifests.Install()
	if err != nil {
		t.Fatal(err)
	}
	p := &permitted{}
	for kind, into := range map[string]any{"Role": &p.role, "RoleBinding": &p.roleBinding, "ClusterRole": &p.clusterRole, "ClusterRoleBinding": &p.clusterRoleBinding} {
		if err := manifests.One(objects, kind, into); err != nil {
			t.Fatal(err)
		}
	}
	const shipped = "caseharden" // what the namespace and the webhook configuration are called in deploy/
	p.role.Namespace, p.roleBinding.Namespace = rename(p.role.Namespace, shipped, in.name), rename(p.roleBinding.Namespace, shipped, in.name)
	p.clusterRole.Name, p.clusterRoleBinding.Name, p.clusterRoleBinding.RoleRef.Name = in.name, in.name, in.name
	for _, subjects := range [][]rbacv1.Subject{p.roleBinding.Subjects, p.clusterRoleBinding.Subjects} {
		for i := range subjects {
			subjects[i].Namespace = rename(subjects[i].Namespace, shipped, in.name)
		}
	}
	for _, rule := range p.clusterRole.Rules {
		for i := range rule.ResourceNames {
			rule.ResourceNames[i] = rename(rule.ResourceNames[i], shipped, in.name)
		}
	}
	return p
}

func rename(name, from, to string) string {
	if name == from {
		return to
	}
	return name
}

// without takes one permission away.
func (p *permitted) without(t *testing.T, resource, verb string) {
	t.Helper()
	found := 0
	for _, rules := range [][]rbacv1.PolicyRule{p.role.Rules, p.clusterRole.Rules} {
		for i := range rules {
			if rules[i].Resources[0] == resource && slices.Contains(rules[i].Verbs, verb) {
				rules[i].Verbs = slices.DeleteFunc(rules[i].Verbs, func(v string) bool { return v == verb })
				found++
			}
		}
	}
	if found != 1 {
		t.Fatalf("%s of %s is permitted %d times, want once", verb, resource, found)
	}
	p.role.Rules = slices.DeleteFunc(p.role.Rules, func(r rbacv1.PolicyRule) bool { return len(r.Verbs) == 0 })
}

// all returns each permission as "verb resource".
func (p *permitted) all() []string {
	var all []string
	for _, rule := range slices.Concat(p.role.Rules, p.clusterRole.Rules) {
		for _, verb := range rule.Verbs {
			all = append(all, verb+" "+rule.Resources[0])
		}
	}
	slices.Sort(all)
	return all
}

// grant creates the objects, and waits until the API server heeds them.
func grant(t *testing.T, p *permitted) {
	t.Helper()
	ctx, rbac := t.Context(), client.RbacV1()
	var errs []error
	_, err := rbac.Roles(p.role.Namespace).Create(ctx, &p.role, metav1.CreateOptions{})
	errs = append(errs, err)
	_, err = rbac.RoleBindings(p.roleBinding.Namespace).Create(ctx, &p.roleBinding, metav1.CreateOptions{})
	errs = append(errs, err)
	_, err = rbac.ClusterRoles().Create(ctx, &p.clusterRole, metav1.CreateOptions{})
	errs = append(errs, err)
	_, err = rbac.ClusterRoleBindings().Create(ctx, &p.clusterRoleBinding, metav1.CreateOptions{})
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	for _, rule := range p.role.Rules {
		waitAllowed(ctx, t, p, rule, p.role.Namespace)
	}
	for _, rule := range p.clusterRole.Rules {
		waitAllowed(ctx, t, p, rule, "")
	}
}

func waitAllowed(ctx context.Context, t *testing.T, p *permitted, rule rbacv1.PolicyRule, namespace string) {
	t.Helper()
	name := ""
	if len(rule.ResourceNames) > 0 {
		name = rule.ResourceNames[0]
	}
	for _, verb := range rule.Verbs {
		bedtest.Within(t, soon, verb+" "+rule.Resources[0]+" to be permitted", func() error {
			review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User: "system:serviceaccount:" + p.role.Namespace + ":caseharden",
					ResourceAttributes: &authorizationv1.ResourceAttributes{
						Namespace: namespace, Verb: verb, Group: rule.APIGroups[0], Resource: rule.Resources[0], Name: name,
					},
				},
			}, metav1.CreateOptions{})
			if err == nil && !review.Status.Allowed {
				err = fmt.Errorf("%s", review.Status.Reason)
			}
			return err
		})
	}
}
