// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
)

// A permitted is what deploy/rbac.yaml says, for one installation.
type permitted struct {
	role               rbacv1.Role
	roleBinding        rbacv1.RoleBinding
	clusterRole        rbacv1.ClusterRole
	clusterRoleBinding rbacv1.ClusterRoleBinding
}

// permissions reads deploy/rbac.yaml. Only the names are those of the installation.
func permissions(t *testing.T, in *installation) *permitted {
	t.Helper()
	module, err := cluster.ModuleDir()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(filepath.Dir(module), "deploy", "rbac.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := &permitted{}
	into := map[string]any{"Role": &p.role, "RoleBinding": &p.roleBinding, "ClusterRole": &p.clusterRole, "ClusterRoleBinding": &p.clusterRoleBinding}
	documents := utilyaml.NewDocumentDecoder(file)
	defer documents.Close()
	for {
		document := make([]byte, 64<<10)
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document[:n], &kind); err != nil {
			t.Fatal(err)
		}
		if into[kind.Kind] == nil {
			t.Fatalf("rbac.yaml: one %s is unknown, or one too many", kind.Kind)
		}
		if err := yaml.UnmarshalStrict(document[:n], into[kind.Kind]); err != nil {
			t.Fatal(err)
		}
		delete(into, kind.Kind)
	}
	if len(into) > 0 {
		t.Fatalf("rbac.yaml: lacks %v", into)
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
		t.Fatalf("rbac.yaml: %s of %s is permitted %d times, want once", verb, resource, found)
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
		within(t, soon, verb+" "+rule.Resources[0]+" to be permitted", func() error {
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
