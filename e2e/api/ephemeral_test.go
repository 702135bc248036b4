// SPDX-License-Identifier: Apache-2.0

package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What kubectl debug does: a container is added to a running pod. It is
// hardened, and nothing else of the pod is touched.
func TestEphemeralContainers(t *testing.T) {
	// The first one comes before the namespace opts in, so that it is not hardened.
	namespace := newNamespace(t, nil)
	running := create(t, namespace, barePod())
	running = addEphemeral(t, running, "first")

	labels := []byte(`{"metadata":{"labels":{"caseharden.io/enforce":"hardened"}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), namespace, "application/merge-patch+json", labels, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	waitOptedIn(t, namespace)
	running = addEphemeral(t, running, "second")

	want := map[string]string{"": "{}", "app": "null", "first": "null", "second": allSix}
	if diff := cmp.Diff(want, securityContexts(t, running)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	if annotation, ok := running.Annotations["caseharden.io/injected"]; ok {
		t.Errorf("the pod was annotated: %s", annotation)
	}
}

// Somebody waits at the other end of kubectl debug, and is told what was filled in and how to
// choose otherwise. The way that is named works.
func TestKubectlDebug(t *testing.T) {
	kubectl := newKubectl(t)
	namespace := newEnforced(t, "hardened")
	own := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(own, []byte(`{"securityContext":{"runAsUser":0,"readOnlyRootFilesystem":false}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const howToChoose = `Warning: caseharden: to choose other values, set the fields in the container: kubectl debug --custom=FILE, for example with {"securityContext":{"runAsUser":0,"readOnlyRootFilesystem":false}} in FILE`
	for _, tt := range []struct {
		name     string
		flags    []string
		want     string // security context
		warnings []string
	}{
		{
			name: "sysadmin", flags: []string{"--profile=sysadmin"},
			want: `{"privileged":true,"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true}`,
			warnings: []string{
				`Warning: caseharden: ephemeral container "debugger" got readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001 (profile hardened)`,
				howToChoose,
			},
		},
		{
			name: "general", flags: []string{"--profile=general"},
			want: `{"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`,
			warnings: []string{
				`Warning: caseharden: ephemeral container "debugger" got allowPrivilegeEscalation: false, capabilities.drop: ["ALL"], readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {"type":"RuntimeDefault"} (profile hardened)`,
				howToChoose,
			},
		},
		{
			name: "sysadmin, as the warning says", flags: []string{"--profile=sysadmin", "--custom=" + own},
			want: `{"privileged":true,"runAsUser":0,"readOnlyRootFilesystem":false}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := barePod()
			p.Name = unique("debugged")
			create(t, namespace, p)
			stderr := kubectl.run(t, append([]string{"debug", p.Name, "--namespace=" + namespace, "--image=busybox", "--container=debugger", "--attach=false"}, tt.flags...)...)

			got, err := client.CoreV1().Pods(namespace).Get(t.Context(), p.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, securityContexts(t, got)["debugger"]); diff != "" {
				t.Errorf("security context (-want +got):\n%s", diff)
			}
			var warnings []string
			for line := range strings.Lines(stderr) {
				if strings.HasPrefix(line, "Warning: ") {
					warnings = append(warnings, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever else the body of such an update says, the API server throws away after
// admission, without an error. So it neither decides what the new container gets, nor
// keeps the webhook from being called. The pod is as it was: a plain one.
func TestBodyOfAnEphemeralContainersUpdate(t *testing.T) {
	kubectl := newKubectl(t)
	namespace := newEnforced(t, "hardened")
	for _, tt := range []struct{ name, metadata, spec string }{
		{name: "nothing"},
		{name: "mirror annotation", metadata: `{"annotations":{"kubernetes.io/config.mirror":"x"}}`},
		{name: "os", spec: `"os":{"name":"windows"},`},
		{name: "node selector", spec: `"nodeSelector":{"kubernetes.io/os":"windows"},`},
		{name: "pod security context", spec: `"securityContext":{"runAsNonRoot":false,"runAsUser":0,"seccompProfile":{"type":"Unconfined"},"windowsOptions":{}},`},
		{name: "legacy annotation", metadata: `{"annotations":{"container.seccomp.security.alpha.kubernetes.io/debugger":"unconfined"}}`},
		{name: "another container", spec: `"containers":[{"name":"app","securityContext":{"windowsOptions":{}}}],`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := barePod()
			p.Name = unique("debugged")
			plain := create(t, namespace, p)
			patch := `{"spec":{` + tt.spec + `"ephemeralContainers":[{"name":"debugger","image":"busybox"}]}}`
			if tt.metadata != "" {
				patch = `{"metadata":` + tt.metadata + `,` + patch[1:]
			}
			kubectl.run(t, "patch", "pod", p.Name, "--namespace="+namespace, "--subresource=ephemeralcontainers", "--patch="+patch)

			got, err := client.CoreV1().Pods(namespace).Get(t.Context(), p.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := securityContexts(t, plain)
			want["debugger"] = allSix
			if diff := cmp.Diff(want, securityContexts(t, got)); diff != "" {
				t.Errorf("security contexts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(plain.Annotations, got.Annotations); diff != "" {
				t.Errorf("annotations (-created +updated):\n%s", diff)
			}
		})
	}
}

// A mirror pod is left out. It can have no ephemeral containers. A workload that has the
// annotation is none: its author is warned.
func TestMirrorPods(t *testing.T) {
	mirror := map[string]string{"kubernetes.io/config.mirror": "x"}
	p := barePod()
	p.Annotations, p.Spec.NodeName = mirror, "node"
	created := create(t, newEnforced(t, "hardened"), p)
	want := map[string]string{"": "{}", "app": "null"}
	if diff := cmp.Diff(want, securityContexts(t, created)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}

	c, r := clientWithWarnings(t)
	namespace := newNamespace(t, map[string]string{"caseharden.io/warn": "hardened"})
	template := &corev1.PodTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: mirror},
		Template:   corev1.PodTemplateSpec{Spec: barePod().Spec},
	}
	if _, err := c.CoreV1().PodTemplates(namespace).Create(t.Context(), template, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	wantWarnings := []string{`caseharden: container "app" would get all 6 defaults of profile hardened`}
	if diff := cmp.Diff(wantWarnings, r.Take()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func addEphemeral(t *testing.T, p *corev1.Pod, name string) *corev1.Pod {
	t.Helper()
	p = p.DeepCopy()
	p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, corev1.EphemeralContainer{
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, Image: "debugger", ImagePullPolicy: corev1.PullIfNotPresent,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
	})
	updated, err := client.CoreV1().Pods(p.Namespace).UpdateEphemeralContainers(t.Context(), p.Name, p, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return updated
}
