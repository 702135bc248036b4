// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The Pod Security Admission of the API server is the oracle: it comes after us
// and refuses what is not hardened.
var psaRestricted = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}

func TestBarePodGetsAllSix(t *testing.T) {
	plain := newNamespace(t, psaRestricted)
	_, err := client.CoreV1().Pods(plain).Create(t.Context(), barePod(), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Fatalf("without the webhook the pod must be refused by PodSecurity, and this is the answer: %v", err)
	}
	for profile, want := range map[string]string{
		"compatible": allSix,
		"hardened":   allSix,
		"restricted": `{"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`,
	} {
		labels := map[string]string{"caseharden.io/enforce": profile}
		for k, v := range psaRestricted {
			labels[k] = v
		}
		admitted := create(t, newNamespace(t, labels), barePod())
		if diff := cmp.Diff(map[string]string{"": "{}", "app": want}, securityContexts(t, admitted)); diff != "" {
			t.Errorf("%s: security contexts (-want +got):\n%s", profile, diff)
		}
		if got := admitted.Annotations["caseharden.io/injected"]; !strings.HasPrefix(got, `{"profile":"`+profile+`","containers":{"app":["allowPrivilegeEscalation",`) {
			t.Errorf("%s: annotation %s", profile, got)
		}
	}
}

// Every kind of container of a new pod, and a native sidecar keeps what makes it
// one.
func TestInitContainersAndSidecars(t *testing.T) {
	admitted := create(t, newEnforced(t, "hardened"), pod(t, `
spec:
  initContainers:
  - {name: migrate}
  - {name: proxy, restartPolicy: Always}
  containers:
  - {name: app}
  - {name: helper}
`))
	want := map[string]string{"": "{}", "migrate": allSix, "proxy": allSix, "app": allSix, "helper": allSix}
	if diff := cmp.Diff(want, securityContexts(t, admitted)); diff != "" {
		t.Errorf("security contexts (-want +got):\n%s", diff)
	}
	if p := admitted.Spec.InitContainers[1].RestartPolicy; p == nil || *p != corev1.ContainerRestartPolicyAlways {
		t.Errorf("the sidecar's restartPolicy is %v", p)
	}
}

// What an author set survives byte for byte, false and 0 among it, on the
// container or inherited from the pod. Each pod is sent to a plain namespace as
// well: what the API server makes of it there is what must remain.
func TestExplicitValuesSurvive(t *testing.T) {
	for name, tt := range map[string]struct {
		manifest string
		want     map[string]string // where it differs from the plain pod
	}{
		"all set on the container, the weak way": {manifest: `
spec:
  containers:
  - name: app
    securityContext: {allowPrivilegeEscalation: true, capabilities: {drop: [NET_RAW]}, readOnlyRootFilesystem: false, runAsNonRoot: false, runAsUser: 0, seccompProfile: {type: Unconfined}}
`},
		"inherited from the pod": {manifest: `
spec:
  securityContext: {runAsNonRoot: false, runAsUser: 0, seccompProfile: {type: Unconfined}}
  containers:
  - {name: app}
`, want: map[string]string{
			"app": `{"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false}`,
		}},
		"root on the container": {manifest: `
spec:
  containers:
  - name: app
    securityContext: {runAsUser: 0, capabilities: {drop: [NET_RAW]}, seccompProfile: {type: Localhost, localhostProfile: a/b.json}}
`, want: map[string]string{
			"app": `{"capabilities":{"drop":["NET_RAW"]},"runAsUser":0,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"Localhost","localhostProfile":"a/b.json"}}`,
		}},
		"capabilities.add beside the injected drop": {manifest: `
spec:
  containers:
  - name: app
    securityContext: {capabilities: {add: [NET_BIND_SERVICE, CHOWN]}}
`, want: map[string]string{
			"app": `{"capabilities":{"add":["NET_BIND_SERVICE","CHOWN"],"drop":["ALL"]},"runAsUser":10001,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}`,
		}},
		"an empty list, which the API server drops before we see it": {manifest: `
spec:
  containers:
  - name: app
    securityContext: {capabilities: {drop: []}}
`, want: map[string]string{"app": allSix}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(t, tt.manifest)
			want := securityContexts(t, create(t, newNamespace(t, nil), p))
			for container, sc := range tt.want {
				want[container] = sc
			}
			admitted := create(t, newEnforced(t, "hardened"), p)
			if diff := cmp.Diff(want, securityContexts(t, admitted)); diff != "" {
				t.Errorf("security contexts (-want +got):\n%s", diff)
			}
		})
	}
}
