// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A release with namespaceOverride is what it would be in that namespace.
func TestNamespaceOverride(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"defaults":     {"--set=networkPolicy.enabled=true,prometheusRule.enabled=true,serviceMonitor.enabled=true,dashboard.enabled=true"},
		"cert-manager": {"--set=certificates.mode=cert-manager"},
		"everything":   {"--values=" + everything},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := template(t, append(args, "--set=namespaceOverride=")...)
			got := template(t, append(args, "--namespace=elsewhere", "--set=namespaceOverride=caseharden")...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("in the namespace, and from elsewhere (-in +from):\n%s", diff)
			}
		})
	}
	notes := func(args ...string) string {
		stdout, stderr, err := helm(t, append([]string{"install", "caseharden", chartDir(), "--dry-run=client", "--output=json"}, args...)...)
		if err != nil {
			t.Fatal(stderr)
		}
		var release struct{ Info struct{ Notes string } }
		unmarshal(t, stdout, &release)
		if release.Info.Notes == "" {
			t.Fatalf("no notes in %s", stdout)
		}
		return release.Info.Notes
	}
	if diff := cmp.Diff(notes("--namespace=caseharden"), notes("--set=namespaceOverride=caseharden")); diff != "" {
		t.Errorf("notes in the namespace, and from elsewhere (-in +from):\n%s", diff)
	}
}

// Each object has the annotations of all, but its own win, and those that it works by.
func TestCommonAnnotations(t *testing.T) {
	t.Parallel()
	const theirs = "cert-manager.io/inject-ca-from"
	rendered := template(t, "--set=certificates.mode=cert-manager,networkPolicy.enabled=true", "--set=commonAnnotations.a=common,commonAnnotations.b=common",
		"--set=commonAnnotations.cert-manager\\.io/inject-ca-from=common,service.annotations.a=own", "--set-file=profiles.mesh.file="+exampleProfile("mesh"))
	objects, err := manifests.Decode([]byte(rendered))
	if err != nil || len(objects) < 10 {
		t.Fatalf("%d objects: %v", len(objects), err)
	}
	for _, o := range objects {
		a := o.GetAnnotations()
		if own := o.GetKind() == "Service"; own != (a["a"] == "own") || a["b"] != "common" {
			t.Errorf("%s %s has the annotations %v", o.GetKind(), o.GetName(), a)
		}
		if o.GetKind() == "MutatingWebhookConfiguration" && a[theirs] != "caseharden/caseharden" {
			t.Errorf("%s is %s", theirs, a[theirs])
		}
	}
}

// Selectors of the user's narrow what is hardened, and never widen it: what an entry
// selects by itself stays, whatever they say of the same labels.
func TestSelectorsAreCombined(t *testing.T) {
	t.Parallel()
	entries := func(args ...string) map[string]*unstructured.Unstructured {
		objects, err := manifests.Decode([]byte(template(t, append(args, "--show-only=templates/webhook.yaml")...)))
		if err != nil || len(objects) != 1 {
			t.Fatalf("%d objects: %v", len(objects), err)
		}
		all := map[string]*unstructured.Unstructured{}
		for _, w := range objects[0].Object["webhooks"].([]any) {
			entry := &unstructured.Unstructured{Object: w.(map[string]any)}
			all[entry.Object["name"].(string)] = entry
		}
		return all
	}
	const selector = `{"matchLabels": {"caseharden.io/enforce": "other", "tier": "web"},
		"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["kube-system"]}, {"key": "team", "operator": "Exists"}]}`
	before, after := entries(), entries("--set-json=webhook.namespaceSelector="+selector, "--set-json=webhook.objectSelector="+selector)
	if len(before) != 9 || len(after) != 9 {
		t.Fatalf("%d entries, and %d", len(before), len(after))
	}
	var theirs map[string]any
	unmarshal(t, selector, &theirs)
	added := append([]any{
		map[string]any{"key": "caseharden.io/enforce", "operator": "In", "values": []any{"other"}},
		map[string]any{"key": "tier", "operator": "In", "values": []any{"web"}},
	}, theirs["matchExpressions"].([]any)...)
	for name, entry := range before {
		want := entry.DeepCopy()
		ours, _ := lookUp(want.Object, "namespaceSelector")
		ours.(map[string]any)["matchExpressions"] = append(ours.(map[string]any)["matchExpressions"].([]any), added...)
		want.Object["objectSelector"] = theirs
		if diff := cmp.Diff(want.Object, after[name].Object); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The API server combines them in the same way; and helm test makes a namespace and a pod
// that they select.
func TestSelectors(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t, "--set-json=webhook.namespaceSelector="+`{"matchLabels": {"tier": "web"}}`,
		"--set-json=webhook.objectSelector="+`{"matchExpressions": [{"key": "legacy", "operator": "DoesNotExist"}, {"key": "app", "operator": "In", "values": ["shop", "bank"]}]}`)
	in.namespace(t, "both", map[string]string{"caseharden.io/enforce": "hardened", "tier": "web"})
	in.namespace(t, "label", map[string]string{"caseharden.io/enforce": "hardened"})
	in.namespace(t, "tier", map[string]string{"tier": "web"})
	hardened := func(namespace string, labels map[string]string) bool {
		pod, err := in.client.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "pod-", Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return pod.Annotations["caseharden.io/injected"] != ""
	}
	shop := map[string]string{"app": "shop"}
	bedtest.Within(t, soon, "pods to be hardened", func() error {
		if !hardened("both", shop) {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	for _, c := range []struct {
		namespace string
		labels    map[string]string
		want      bool
	}{
		{"both", shop, true},
		{"both", map[string]string{"app": "shop", "legacy": ""}, false},
		{"both", nil, false},
		{"label", shop, false},
		{"tier", shop, false},
	} {
		if got := hardened(c.namespace, c.labels); got != c.want {
			t.Errorf("a pod with the labels %v in namespace %s: hardened %v, want %v", c.labels, c.namespace, got, c.want)
		}
	}
	if stdout, stderr, err := in.helmTest(t); err != nil {
		t.Errorf("the test: %v\n%s%s", err, stdout, stderr)
	}
}
