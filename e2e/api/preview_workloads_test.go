// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// The manifests of each kind of workload, as the preview writes them, are accepted,
// and their templates make the pods that the webhook makes of the original ones.
func TestPreviewOfWorkloads(t *testing.T) {
	withOwnProfiles(t)
	const template = `
spec:
  hostNetwork: true
  initContainers:
  - {name: setup, image: setup, securityContext: {runAsUser: 0}}
  containers:
  - {name: app, volumeMounts: [{name: data, mountPath: /tmp}]}
  - {name: b}
  volumes: [{name: data, emptyDir: {}}]
`
	c, err := dynamic.NewForConfig(controlPlane.Config())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, k := range templateKinds {
		data, err := yaml.Marshal(k.object(t, "web", template).Object)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n# A " + k.resource.Resource + " of the shop\n")
		text.Write(data)
	}
	plain := newNamespace(t, nil)
	profiles := []string{"compatible", "hardened", "restricted"}
	newer := podObject(t, "{spec: {securityContext: {supplementalGroupsPolicy: Strict, seLinuxChangePolicy: MountOption}, containers: [{name: app}]}}")
	if keeps(t, newer, "supplementalGroupsPolicy") && keeps(t, newer, "seLinuxChangePolicy") {
		profiles = append(profiles, "everything") // it has both
	}
	for _, profile := range profiles {
		enforced := newEnforced(t, profile)
		original := writeFile(t, "workloads.yaml", text.Bytes())
		runPreview(t, 2, "-f", original, "--profile", profile, "--exit-code")
		hardened := runPreview(t, 0, "-f", original, "-o", "yaml", "--profile", profile)
		runPreview(t, 0, "-f", writeFile(t, "hardened.yaml", hardened), "--profile", profile, "--exit-code")
		documents := readDocuments(t, hardened)
		if len(documents) != len(templateKinds) {
			t.Fatalf("%s: the preview writes %d documents for %d", profile, len(documents), len(templateKinds))
		}
		for i, k := range templateKinds {
			u := &unstructured.Unstructured{Object: documents[i]}
			if _, err := c.Resource(k.resource).Namespace(plain).Create(t.Context(), u, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}); err != nil {
				t.Errorf("%s: what the preview writes of %s is refused: %v", profile, k.resource.Resource, err)
			}
			want, err := submit(t.Context(), enforced, podOf(t, k, k.object(t, "web", template).Object), dryRun(""))
			if err != nil {
				t.Fatal(err)
			}
			got, err := submit(t.Context(), plain, podOf(t, k, documents[i]), dryRun(""))
			if err != nil {
				t.Fatal(err)
			}
			sameSpec(t, profile+", "+k.resource.Resource, want, got)
			if annotations(want)["caseharden.io/injected"] == nil {
				t.Errorf("%s: nothing is injected into the pod of %s", profile, k.resource.Resource)
			}
		}
	}
}

// What the webhook leaves alone the preview excludes: mirror pods, and the
// namespace kube-system, whatever its labels.
func TestPreviewExcludesWhatIsLeftAlone(t *testing.T) {
	label := func(namespace, profile string) {
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{"caseharden.io/enforce":%s}}}`, profile)
		if _, err := client.CoreV1().Namespaces().Patch(context.Background(), namespace, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	enforced := newNamespace(t, nil)
	label("kube-system", `"hardened"`)
	defer label("kube-system", "null")
	// The API server hears of labels in the order in which they were set.
	label(enforced, `"hardened"`)
	waitOptedIn(t, enforced)
	mirror := pod(t, `{metadata: {annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: node, containers: [{name: app}]}}`)
	for namespace, p := range map[string]*corev1.Pod{"kube-system": barePod(), enforced: mirror} {
		p.APIVersion, p.Kind, p.Namespace = "v1", "Pod", namespace
		manifest, err := yaml.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		file := writeFile(t, "pod.yaml", manifest)
		var report previewReport
		if err := json.Unmarshal(runPreview(t, 0, "-f", file, "-o", "json", "--exit-code"), &report); err != nil {
			t.Fatal(err)
		}
		if len(report.Workloads) != 1 || report.Workloads[0].Excluded == "" {
			t.Errorf("%s: the preview does not exclude the pod: %+v", namespace, report.Workloads)
		}
		if diff := cmp.Diff(string(manifest), string(runPreview(t, 0, "-f", file, "-o", "yaml"))); diff != "" {
			t.Errorf("%s: the preview changes the pod (-before +after):\n%s", namespace, diff)
		}
		admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, dryRun(""))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"": "{}", "app": "null"}, securityContexts(t, admitted)); diff != "" {
			t.Errorf("%s: security contexts (-want +got):\n%s", namespace, diff)
		}
	}
}

// podOf returns the pod that a controller would make of an object's template.
func podOf(t *testing.T, k templateKind, object map[string]any) map[string]any {
	t.Helper()
	template, found, err := unstructured.NestedMap(object, k.path...)
	if err != nil || !found {
		t.Fatalf("%s has no template: %v", k.resource.Resource, err)
	}
	template["metadata"].(map[string]any)["name"] = "web"
	return template
}
