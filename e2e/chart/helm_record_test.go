// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

const (
	attackerImage = "attacker.example.com/evil"
	attackerRole  = "attacker-is-admin"
	guardRefuses  = "ValidatingAdmissionPolicy 'caseharden-account'"
)

// attackerHook makes the account of the webhook a cluster administrator, at helm uninstall.
const attackerHook = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: ` + attackerRole + `
  annotations: {helm.sh/hook: pre-delete}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: caseharden, namespace: caseharden}
`

// With its token, and every permission that RBAC could give, the account of the webhook
// cannot make a record of a Helm release in any way. The documented helm upgrade
// and helm uninstall do what the administrator asked for.
func TestAccountForgesNoRelease(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.installWithoutPods(t)
	account := in.token(t, "cluster-admin")
	record := in.forgedRecord(t, 2)
	bedtest.Within(t, soon, "the guard to be heeded", func() error {
		if err := forgeries[0].try(t, account, record.DeepCopy(), metav1.DryRunAll); err == nil {
			return errNotRefused
		}
		return nil
	})
	for _, f := range forgeries {
		if f.exists {
			continue
		}
		if err := f.try(t, account, record.DeepCopy()); err == nil || !strings.Contains(err.Error(), guardRefuses) {
			t.Errorf("%s: %v", f.name, err)
		}
	}

	// What the webhook creates is accepted, and then the same for changes of it.
	if err := createSecret(t, account, ownSecret()); err != nil {
		t.Fatal(err)
	}
	for _, f := range forgeries {
		if !f.exists {
			continue
		}
		if err := f.try(t, account, record.DeepCopy()); err == nil || !strings.Contains(err.Error(), guardRefuses) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	in.wantUpgrade(t, "caseharden:v1")
	in.wantUninstall(t, false)
}

// The control: without the guard each of these ways is open, and Helm does what the
// attacker has written.
func TestAccountForgesReleaseWithoutGuard(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.installWithoutPods(t, "--set=accountGuard.enabled=false")
	account := in.token(t, "cluster-admin")
	record := in.forgedRecord(t, 2)
	for _, exists := range []bool{false, true} {
		if exists {
			if err := createSecret(t, account, ownSecret()); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range forgeries {
			if f.exists != exists {
				continue
			}
			if err := f.try(t, account, record.DeepCopy(), metav1.DryRunAll); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
	// With the permissions that the chart gives, and no others.
	in.kubectlOK(t, "delete", "clusterrolebinding", "test-account")
	in.kubectlOK(t, "delete", "secret", "caseharden-tls", "-n", "caseharden")
	record.Name = "caseharden-tls"
	if err := createSecret(t, account, record); err != nil {
		t.Fatal(err)
	}
	// The command of docs/operations.md finds it, and not the records of Helm itself.
	found := in.kubectlOK(t, "get", "secrets", "-n", "caseharden", "-l", "owner=helm", "--field-selector", "type!=helm.sh/release.v1", "--output=name")
	if found != "secret/caseharden-tls\n" {
		t.Errorf("found are %q", found)
	}
	in.wantUpgrade(t, attackerImage+":v1")
	record = in.forgedRecord(t, 9)
	record.Name = "caseharden-tls"
	if _, err := account.CoreV1().Secrets("caseharden").Update(t.Context(), record, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	in.wantUninstall(t, true)
}

// A record that somebody else has made of the Secret, as before there was a guard, is
// undone by the webhook: the guard lets it. Everything else that an administrator has
// added stays.
func TestForgedReleaseIsUndone(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t)
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
	in.waitInjected(t, "shop", "hardened")

	record := in.forgedRecord(t, 2)
	record.Labels["app.kubernetes.io/instance"], record.Labels["team"] = "gitops", "platform"
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": record.Labels, "annotations": map[string]string{"example.com/a": "b"}, "finalizers": []string{"example.com/keep"}},
		"data":     map[string][]byte{"release": record.Data["release"], "mine": []byte("kept")},
	})
	if err != nil {
		t.Fatal(err)
	}
	secrets := in.client.CoreV1().Secrets("caseharden")
	if _, err := secrets.Patch(t.Context(), "caseharden-tls", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	var left *corev1.Secret
	bedtest.Within(t, soon, "the record to be undone", func() error {
		if left, err = secrets.Get(t.Context(), "caseharden-tls", metav1.GetOptions{}); err != nil {
			return err
		}
		if _, found := left.Data["release"]; found || left.Labels["owner"] != "" {
			return errors.New("it is a record still")
		}
		return nil
	})
	want := map[string]string{
		"app.kubernetes.io/name": "caseharden", "app.kubernetes.io/managed-by": "caseharden",
		"app.kubernetes.io/instance": "gitops", "team": "platform",
	}
	if diff := cmp.Diff(want, left.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if string(left.Data["mine"]) != "kept" || left.Annotations["example.com/a"] != "b" || len(left.Finalizers) != 1 {
		t.Errorf("what an administrator has added is gone: %v", left.ObjectMeta)
	}
	// It is written once, and not again and again.
	time.Sleep(3 * time.Second)
	if later, err := secrets.Get(t.Context(), "caseharden-tls", metav1.GetOptions{}); err != nil || later.ResourceVersion != left.ResourceVersion {
		t.Errorf("the Secret was written again: %v", err)
	}
	in.wantUpgrade(t, "caseharden:v1")
	in.wantUninstall(t, false)
}

// wantUpgrade runs the helm upgrade of the documents, and checks what image is deployed.
func (in *installation) wantUpgrade(t *testing.T, image string) {
	t.Helper()
	in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values", "--set=image.tag=v1")
	deployment, err := in.client.AppsV1().Deployments("caseharden").Get(t.Context(), "caseharden", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := deployment.Spec.Template.Spec.Containers[0].Image; got != image {
		t.Errorf("after helm upgrade the image is %s, want %s", got, image)
	}
}

// wantUninstall runs the helm uninstall of the documents, and checks whether the hook of
// the attacker has run.
func (in *installation) wantUninstall(t *testing.T, hooked bool) {
	t.Helper()
	// After the hook of the attacker Helm fails, as it does not find the record by its name.
	if _, stderr, err := run(t, in.env, "", helmBinary, "uninstall", "caseharden", "--namespace=caseharden"); (err != nil) != hooked {
		t.Errorf("helm uninstall: %v\n%s", err, stderr)
	}
	left := in.kubectlOK(t, "get", "clusterrolebinding", attackerRole, "--ignore-not-found", "--output=name")
	if got := left != ""; got != hooked {
		t.Errorf("the hook of the attacker has run: %t, want %t", got, hooked)
	}
}

// forgedRecord returns a record of the release caseharden, made of its first one, with the
// values and the hook of an attacker.
func (in *installation) forgedRecord(t *testing.T, version int) *corev1.Secret {
	t.Helper()
	record, err := in.client.CoreV1().Secrets("caseharden").Get(t.Context(), "sh.helm.release.v1.caseharden.v1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	compressed, err := base64.StdEncoding.DecodeString(string(record.Data["release"]))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	var release map[string]any
	if err := json.NewDecoder(reader).Decode(&release); err != nil {
		t.Fatal(err)
	}
	release["version"] = version
	release["config"] = map[string]any{"accountGuard": map[string]any{"enabled": false}, "image": map[string]any{"repository": attackerImage}}
	release["hooks"] = []any{map[string]any{
		"name": attackerRole, "kind": "ClusterRoleBinding", "path": "caseharden/templates/hook.yaml", "manifest": attackerHook, "events": []string{"pre-delete"},
	}}
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if err := json.NewEncoder(writer).Encode(release); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"owner": "helm", "name": "caseharden", "status": "deployed", "version": strconv.Itoa(version)}},
		Data:       map[string][]byte{"release": []byte(base64.StdEncoding.EncodeToString(buffer.Bytes()))},
	}
}
