// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Nothing but the new containers counts of the object of an update of
// pods/ephemeralcontainers: each of these changes is in the body, and is none of the pod.
func TestRunningPodDecides(t *testing.T) {
	const running = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app"}]}}`
	w := newWebhook(t)
	want := w.review(t, "/enforce/everything", updateEphemeral(running,
		`{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app"}],"ephemeralContainers":[{"name":"debugger"}]}}`))
	if want.Patch == nil {
		t.Fatal("the debug container is not hardened where the body changes nothing")
	}
	const added = `"ephemeralContainers":[{"name":"debugger"}]`
	for name, body := range map[string]string{
		"no metadata":            `{"spec":{` + added + `}}`,
		"mirror annotation":      `{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{` + added + `}}`,
		"legacy annotation":      `{"metadata":{"annotations":{"container.seccomp.security.alpha.kubernetes.io/debugger":"unconfined"}},"spec":{` + added + `}}`,
		"legacy AppArmor":        `{"metadata":{"annotations":{"container.apparmor.security.beta.kubernetes.io/debugger":"unconfined"}},"spec":{` + added + `}}`,
		"our annotation":         `{"metadata":{"annotations":{"caseharden.io/injected":"{\"profile\":\"everything\"}"}},"spec":{` + added + `}}`,
		"os":                     `{"spec":{"os":{"name":"windows"},` + added + `}}`,
		"node selector":          `{"spec":{"nodeSelector":{"kubernetes.io/os":"windows"},` + added + `}}`,
		"node affinity":          `{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["windows"]}]}]}}},` + added + `}}`,
		"user of the pod":        `{"spec":{"securityContext":{"runAsNonRoot":false,"runAsUser":0,"runAsGroup":0},` + added + `}}`,
		"seccomp of the pod":     `{"spec":{"securityContext":{"seccompProfile":{"type":"Unconfined"}},` + added + `}}`,
		"SELinux of the pod":     `{"spec":{"securityContext":{"seLinuxOptions":{"type":"spc_t"}},` + added + `}}`,
		"Windows options":        `{"spec":{"securityContext":{"windowsOptions":{}},` + added + `}}`,
		"another container":      `{"spec":{"containers":[{"name":"app","securityContext":{"windowsOptions":{},"seLinuxOptions":{"type":"spc_t"}}}],` + added + `}}`,
		"a container taken away": `{"spec":{"containers":[],` + added + `}}`,
		"host namespaces":        `{"spec":{"hostNetwork":true,"hostIPC":true,"hostUsers":false,` + added + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, w.review(t, "/enforce/everything", updateEphemeral(running, body))); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// The new containers are themselves part of the pod: containers with different SELinux
// labels cannot share a volume.
func TestNewContainersCount(t *testing.T) {
	const body = `{"spec":{"ephemeralContainers":[{"name":"a","securityContext":{"seLinuxOptions":{"type":"spc_t"}}},{"name":"c"}]}}`
	response := newWebhook(t).review(t, "/enforce/everything", updateEphemeral(barePod, body))
	const want = `{"profile":"everything","containers":{` +
		`"a":{"readOnlyRootFilesystem":"exception: debug containers need to write","windowsOptions":"linux-pod"},` +
		`"c":{"readOnlyRootFilesystem":"exception: debug containers need to write","seLinuxOptions":"other-selinux-options","windowsOptions":"linux-pod"}}}`
	if diff := cmp.Diff(want, response.AuditAnnotations["skipped"]); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}
