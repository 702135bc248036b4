// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"maps"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// A forgery is a way to make a Secret a record of a Helm release, or a step on that way, or
// to keep an administrator from removing it.
type forgery struct {
	name   string
	exists bool // it takes the Secret of the webhook to be there, or not to be there
	do     func(client forger, record *corev1.Secret) error
}

// forgeries are by all requests with which a Secret can be written.
var forgeries = []forgery{
	{"create a record", false, func(c forger, r *corev1.Secret) error {
		r.Name, r.Type = "sh.helm.release.v1.caseharden.v2", "helm.sh/release.v1"
		return c.create(r)
	}},
	{"create one of any name", false, func(c forger, r *corev1.Secret) error { r.Name = "other"; return c.create(r) }},
	{"create one with a generated name", false, func(c forger, r *corev1.Secret) error { r.GenerateName = "caseharden-tls"; return c.create(r) }},
	{"apply one", false, func(c forger, r *corev1.Secret) error { r.Name = "other"; return c.apply(r) }},
	{"create the own Secret as one", false, func(c forger, r *corev1.Secret) error { r.Name = own; return c.create(r) }},
	{"create it with stringData", false, func(c forger, r *corev1.Secret) error {
		r.Name, r.StringData, r.Data = own, map[string]string{"release": string(r.Data["release"])}, nil
		return c.create(r)
	}},
	{"create it with the labels alone", false, func(c forger, r *corev1.Secret) error { r.Name, r.Data = own, nil; return c.create(r) }},
	{"create it with the key alone", false, func(c forger, r *corev1.Secret) error {
		r.Name, r.Labels = own, ownSecret().Labels
		return c.create(r)
	}},
	{"create it with stringData alone", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.StringData = map[string]string{"release": "x"}
		return c.create(s)
	}},
	{"create it with further labels", false, func(c forger, r *corev1.Secret) error {
		s := ownSecret()
		maps.Copy(s.Labels, r.Labels)
		return c.create(s)
	}},
	{"create it without labels", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.Labels = nil
		return c.create(s)
	}},
	{"create it with an annotation", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.Annotations = map[string]string{"a": "b"}
		return c.create(s)
	}},
	{"create it with a finalizer", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.Finalizers = []string{"example.com/keep"}
		return c.create(s)
	}},
	{"create it with an owner", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "gone"}}
		return c.create(s)
	}},
	{"create it immutable", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		immutable := true
		s.Immutable = &immutable
		return c.create(s)
	}},
	{"create it with a prefix for a name", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.GenerateName = "x"
		return c.create(s)
	}},
	{"create it with a type", false, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.Type = "helm.sh/release.v1"
		return c.create(s)
	}},
	{"create it elsewhere", false, func(c forger, _ *corev1.Secret) error { c.namespace = "default"; return c.create(ownSecret()) }},
	{"apply it", false, func(c forger, r *corev1.Secret) error { r.Name = own; return c.apply(r) }},

	{"update it", true, func(c forger, r *corev1.Secret) error { r.Name = own; return c.update(r) }},
	{"update its labels", true, func(c forger, r *corev1.Secret) error { r.Name, r.Data = own, nil; return c.update(r) }},
	{"update its keys", true, func(c forger, r *corev1.Secret) error {
		r.Name, r.Labels = own, ownSecret().Labels
		return c.update(r)
	}},
	{"update it with stringData", true, func(c forger, _ *corev1.Secret) error {
		s := ownSecret()
		s.StringData = map[string]string{"release": "x"}
		return c.update(s)
	}},
	{"apply it over", true, func(c forger, r *corev1.Secret) error { r.Name = own; return c.apply(r) }},
	{"apply its labels", true, func(c forger, r *corev1.Secret) error { r.Name, r.Data = own, nil; return c.apply(r) }},
	{"merge its labels", true, func(c forger, r *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"metadata": map[string]any{"labels": r.Labels}})
	}},
	{"merge its keys", true, func(c forger, r *corev1.Secret) error {
		return c.patch(own, types.StrategicMergePatchType, map[string]any{"data": r.Data})
	}},
	{"merge stringData", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"stringData": map[string]string{"release": "x"}})
	}},
	{"patch a label", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.JSONPatchType, []map[string]any{{"op": "add", "path": "/metadata/labels/owner", "value": "helm"}})
	}},
	{"change a label", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.JSONPatchType, []map[string]any{{"op": "replace", "path": "/metadata/labels/app.kubernetes.io~1name", "value": "x"}})
	}},
	{"remove a label", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.JSONPatchType, []map[string]any{{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1name"}})
	}},
	{"annotate it", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"metadata": map[string]any{"annotations": map[string]string{"a": "b"}}})
	}},
	{"give it a finalizer", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"metadata": map[string]any{"finalizers": []string{"example.com/keep"}}})
	}},
	{"give it an owner", true, func(c forger, _ *corev1.Secret) error {
		owner := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "gone"}
		return c.patch(own, types.MergePatchType, map[string]any{"metadata": map[string]any{"ownerReferences": []metav1.OwnerReference{owner}}})
	}},
	{"make it immutable", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"immutable": true})
	}},
	{"give it a prefix for a name", true, func(c forger, _ *corev1.Secret) error {
		return c.patch(own, types.MergePatchType, map[string]any{"metadata": map[string]any{"generateName": "x"}})
	}},
	{"update the record that is there", true, func(c forger, r *corev1.Secret) error {
		return c.patch("sh.helm.release.v1.caseharden.v1", types.MergePatchType, map[string]any{"data": r.Data})
	}},
}

// own is the name of the Secret that the webhook may write.
const own = "caseharden-tls"

// ownSecret returns what the webhook creates.
func ownSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: own, Labels: map[string]string{"app.kubernetes.io/name": "caseharden", "app.kubernetes.io/managed-by": "caseharden"}},
		Data:       map[string][]byte{"tls.crt": {}, "tls.key": {}, "next-ca.crt": {}},
	}
}

// A forger writes Secrets of a namespace.
type forger struct {
	t         *testing.T
	client    kubernetes.Interface
	namespace string
	dryRun    []string
}

func (f forgery) try(t *testing.T, client kubernetes.Interface, record *corev1.Secret, dryRun ...string) error {
	t.Helper()
	return f.do(forger{t, client, "caseharden", dryRun}, record)
}

func (c forger) create(secret *corev1.Secret) error {
	_, err := c.client.CoreV1().Secrets(c.namespace).Create(c.t.Context(), secret, metav1.CreateOptions{DryRun: c.dryRun})
	return err
}

func (c forger) update(secret *corev1.Secret) error {
	_, err := c.client.CoreV1().Secrets(c.namespace).Update(c.t.Context(), secret, metav1.UpdateOptions{DryRun: c.dryRun})
	return err
}

func (c forger) apply(secret *corev1.Secret) error {
	secret.APIVersion, secret.Kind = "v1", "Secret"
	force := true
	return c.send(secret.Name, types.ApplyPatchType, secret, &force)
}

func (c forger) patch(name string, kind types.PatchType, patch any) error {
	return c.send(name, kind, patch, nil)
}

func (c forger) send(name string, kind types.PatchType, patch any, force *bool) error {
	data, err := json.Marshal(patch)
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.client.CoreV1().Secrets(c.namespace).Patch(c.t.Context(), name, kind, data, metav1.PatchOptions{DryRun: c.dryRun, FieldManager: "forger", Force: force})
	return err
}

func createSecret(t *testing.T, client kubernetes.Interface, secret *corev1.Secret) error {
	t.Helper()
	return forger{t, client, "caseharden", nil}.create(secret)
}

// installWithoutPods installs the chart, and starts none of its pods: the Secret is not
// there, and nobody writes it but the test.
func (in *installation) installWithoutPods(t *testing.T, args ...string) {
	t.Helper()
	in.helm(t, append([]string{"install", "caseharden", chartDir(), "--namespace=caseharden", "--create-namespace"}, args...)...)
}

// token returns a client with a token of the webhook's account, which gets a further role.
func (in *installation) token(t *testing.T, role string) kubernetes.Interface {
	t.Helper()
	_, err := in.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "test-account"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "caseharden", Name: "caseharden"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	request, err := in.client.CoreV1().ServiceAccounts("caseharden").CreateToken(t.Context(), "caseharden", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(in.cluster.Config())
	config.BearerToken, config.WarningHandler = request.Status.Token, rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
