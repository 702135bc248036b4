// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const askingPod = `
metadata:
  labels: {app: web}
  annotations: {caseharden.io/leave: "capabilities.drop, runAsUser,seccompprofile"}
spec:
  containers: [{name: app}]
`

// createWith creates a pod as a client, which may record its warnings.
func createWith(t *testing.T, c kubernetes.Interface, namespace string, p *corev1.Pod) *corev1.Pod {
	t.Helper()
	admitted, err := c.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{FieldManager: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return admitted
}

// What the author asks to leave is left where the profile lists it. All else that the
// annotation names stays a default, and is told: in mode enforce in the audit log alone.
func TestSelfService(t *testing.T) {
	withOwnProfiles(t)
	c, r := clientWithWarnings(t)
	namespace := newEnforced(t, "asked")
	admitted := createWith(t, c, namespace, pod(t, askingPod))
	want := map[string]string{
		"":    `{"runAsNonRoot":true,"fsGroup":7}`,
		"app": `{"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`,
	}
	if diff := cmp.Diff(want, securityContexts(t, admitted)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	if warnings := r.Take(); len(warnings) > 0 {
		t.Errorf("warnings in mode enforce: %q", warnings)
	}
	const prefix = "enforce-asked.caseharden.io/"
	audit := auditAnnotations(t, namespace)
	delete(audit, prefix+"injected")
	wantAudit := map[string]string{
		prefix + "skipped":  `{"profile":"asked","containers":{"app":{"capabilities.drop":"requested"}}}`,
		prefix + "not-left": `profile asked does not allow caseharden.io/leave for: runAsUser (set it in the manifest, or list it under selfService of the profile); caseharden.io/leave has unknown names: "seccompprofile" (did you mean seccompProfile?)`,
	}
	if diff := cmp.Diff(wantAudit, audit); diff != "" {
		t.Errorf("annotations of the audit event (-want +got):\n%s", diff)
	}
}

var selfServiceWarnings = []string{
	`caseharden: profile asked does not allow caseharden.io/leave for: runAsUser (set it in the manifest, or list it under selfService of the profile)`,
	`caseharden: caseharden.io/leave has unknown names: "seccompprofile" (did you mean seccompProfile?)`,
}

// In mode warn the client is told, on pods and on workloads.
func TestSelfServiceIsWarnedOf(t *testing.T) {
	withOwnProfiles(t)
	c, r := clientWithWarnings(t)
	namespace := newNamespace(t, map[string]string{"caseharden.io/warn": "asked"})
	p := pod(t, askingPod)
	createWith(t, c, namespace, p)
	want := append([]string{
		`caseharden: container "app" would get all 6 defaults of profile asked but capabilities.drop`,
		`caseharden: the pod would get fsGroup, runAsNonRoot (profile asked)`,
	}, selfServiceWarnings...)
	if diff := cmp.Diff(want, r.Take()); diff != "" {
		t.Errorf("warnings on a pod (-want +got):\n%s", diff)
	}
	template := &corev1.PodTemplate{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	template.Template.ObjectMeta = metav1.ObjectMeta{Labels: p.Labels, Annotations: p.Annotations}
	template.Template.Spec = p.Spec
	if _, err := c.CoreV1().PodTemplates(namespace).Create(t.Context(), template, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, r.Take()); diff != "" {
		t.Errorf("warnings on a template (-want +got):\n%s", diff)
	}
}

// A debug container gets none of what the running pod asks to leave.
func TestSelfServiceOfDebugContainers(t *testing.T) {
	withOwnProfiles(t)
	running := create(t, newEnforced(t, "asked"), pod(t, `
metadata: {annotations: {caseharden.io/leave: "readOnlyRootFilesystem"}}
spec: {containers: [{name: app}]}
`))
	want := securityContexts(t, running)
	want["debugger"] = `{"capabilities":{"drop":["ALL"]},"runAsUser":10001,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`
	if diff := cmp.Diff(want, securityContexts(t, addEphemeral(t, running, "debugger"))); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
}

// The labels of the pod choose the exception whose paths are mounted.
func TestWritablePathsOfAnException(t *testing.T) {
	withOwnProfiles(t)
	namespace := newEnforced(t, "asked")
	for label, want := range map[string][]corev1.VolumeMount{
		"db":  {{Name: "caseharden-run-db-c68d567c", MountPath: "/run/db", SubPath: "app"}, {Name: "caseharden-tmp-e9671acd", MountPath: "/tmp", SubPath: "app"}},
		"dbs": nil,
	} {
		admitted := create(t, namespace, pod(t, `{metadata: {labels: {app: `+label+`}}, spec: {containers: [{name: app}]}}`))
		if diff := cmp.Diff(want, admitted.Spec.Containers[0].VolumeMounts); diff != "" {
			t.Errorf("label %s: mounts (-want +got):\n%s", label, diff)
		}
	}
}
