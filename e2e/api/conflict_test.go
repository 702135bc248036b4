// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The conflicts of the six fields, and near misses. Each pod is accepted in a
// plain namespace, and has to be in one that enforces; the audit log of the API
// server holds the reasons that we gave. Where hardened is set, it is the pod
// with the value filled in regardless, which the API server must refuse: so the
// rule is needed.
var conflictCases = map[string]struct {
	manifest string
	skipped  map[string]string // reasons by field, of the container app
	hardened string            // YAML; "" where the API server would not mind
}{
	"privileged": {
		manifest: `spec: {containers: [{name: app, securityContext: {privileged: true}}]}`,
		skipped:  map[string]string{"allowPrivilegeEscalation": "privileged", "capabilities.drop": "privileged", "seccompProfile": "privileged"},
		hardened: `spec: {containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: false}}]}`,
	},
	"privileged: false": {
		manifest: `spec: {containers: [{name: app, securityContext: {privileged: false}}]}`,
	},
	"CAP_SYS_ADMIN": {
		manifest: `spec: {containers: [{name: app, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}]}`,
		skipped:  map[string]string{"allowPrivilegeEscalation": "adds-cap-sys-admin"},
		hardened: `spec: {containers: [{name: app, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}, allowPrivilegeEscalation: false}}]}`,
	},
	"SYS_ADMIN": {
		manifest: `spec: {containers: [{name: app, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}`,
	},
	"root on the container": {
		manifest: `spec: {containers: [{name: app, securityContext: {runAsUser: 0}}]}`,
		skipped:  map[string]string{"runAsNonRoot": "runs-as-root"},
	},
	"root on the pod": {
		manifest: `spec: {securityContext: {runAsUser: 0}, containers: [{name: app}]}`,
		skipped:  map[string]string{"runAsNonRoot": "runs-as-root"},
	},
	"root on the pod, another user on the container": {
		manifest: `spec: {securityContext: {runAsUser: 0}, containers: [{name: app, securityContext: {runAsUser: 1}}]}`,
	},
	"adds ALL": {
		manifest: `spec: {containers: [{name: app, securityContext: {capabilities: {add: [ALL]}}}]}`,
		skipped:  map[string]string{"capabilities.drop": "adds-all-capabilities"},
	},
	"adds one": {
		manifest: `spec: {containers: [{name: app, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}`,
	},
	"annotated unconfined": {
		manifest: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`,
		skipped:  map[string]string{"seccompProfile": "legacy-annotation"},
		hardened: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app, securityContext: {seccompProfile: {type: RuntimeDefault}}}]}}`,
	},
	"annotated localhost": {
		manifest: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/a.json}}, spec: {containers: [{name: app}]}}`,
		skipped:  map[string]string{"seccompProfile": "legacy-annotation"},
		hardened: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: localhost/a.json}}, spec: {containers: [{name: app, securityContext: {seccompProfile: {type: RuntimeDefault}}}]}}`,
	},
	"annotated runtime/default": {
		manifest: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: runtime/default}}, spec: {containers: [{name: app}]}}`,
	},
	"annotated docker/default": {
		manifest: `{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: docker/default}}, spec: {containers: [{name: app}]}}`,
	},
	"the pod annotated unconfined": {
		manifest: `{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: [{name: app}]}}`,
	},
	"os windows": {
		manifest: `spec: {os: {name: windows}, containers: [{name: app}]}`,
		skipped:  windowsSkips,
		hardened: `spec: {os: {name: windows}, containers: [{name: app, securityContext: {runAsUser: 10001}}]}`,
	},
	"node selector for windows": {
		manifest: `spec: {nodeSelector: {kubernetes.io/os: windows}, containers: [{name: app}]}`,
		skipped:  windowsSkips,
	},
	"windowsOptions": {
		manifest: `spec: {securityContext: {windowsOptions: {runAsUserName: ContainerUser}}, containers: [{name: app}]}`,
		skipped:  windowsSkips,
	},
	"windowsOptions and a node selector for linux": {
		manifest: `spec: {nodeSelector: {kubernetes.io/os: linux}, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}, containers: [{name: app}]}`,
	},
	"ContainerAdministrator": {
		manifest: `spec: {os: {name: windows}, containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]}`,
		skipped:  with(windowsSkips, "runAsNonRoot", "runs-as-root"),
	},
	"node selector for linux": {
		manifest: `spec: {nodeSelector: {kubernetes.io/os: linux}, containers: [{name: app}]}`,
	},
	"host namespaces": {
		manifest: `spec: {hostNetwork: true, hostPID: true, hostIPC: true, containers: [{name: app}]}`,
	},
	"user namespace": {
		manifest: `spec: {hostUsers: false, containers: [{name: app}]}`,
	},
}

var windowsSkips = map[string]string{
	"allowPrivilegeEscalation": "windows-pod", "capabilities.drop": "windows-pod", "readOnlyRootFilesystem": "windows-pod",
	"runAsUser": "windows-pod", "seccompProfile": "windows-pod",
}

func with(m map[string]string, key, value string) map[string]string {
	merged := map[string]string{key: value}
	for k, v := range m {
		merged[k] = v
	}
	return merged
}

func TestConflicts(t *testing.T) {
	plain, enforced := newNamespace(t, nil), newEnforced(t, "hardened")
	for name, tt := range conflictCases {
		t.Run(name, func(t *testing.T) {
			create(t, plain, pod(t, tt.manifest))
			if tt.hardened != "" {
				_, err := client.CoreV1().Pods(plain).Create(t.Context(), pod(t, tt.hardened), metav1.CreateOptions{})
				if !apierrors.IsInvalid(err) {
					t.Errorf("the API server must refuse what a naive webhook makes of the pod, and this is its answer: %v", err)
				}
			}

			manager := unique("conflict")
			admitted, err := client.CoreV1().Pods(enforced).Create(t.Context(), pod(t, tt.manifest), metav1.CreateOptions{FieldManager: manager})
			if err != nil {
				t.Fatalf("the pod is accepted without us and refused with us: %v", err)
			}
			if refusedByKubelet(admitted) {
				t.Errorf("the kubelet would not start %s", securityContexts(t, admitted))
			}
			got := map[string]string{}
			if record, ok := auditAnnotations(t, manager)["enforce-hardened.caseharden.io/skipped"]; ok {
				var skipped struct{ Containers map[string]map[string]string }
				if err := json.Unmarshal([]byte(record), &skipped); err != nil {
					t.Fatal(err)
				}
				got = skipped.Containers["app"]
			}
			if len(got) != len(tt.skipped) {
				t.Errorf("skipped %v, want %v", got, tt.skipped)
			}
			injected := admitted.Annotations["caseharden.io/injected"]
			for field, reason := range tt.skipped {
				if got[field] != reason {
					t.Errorf("%s: skipped for %q, want %q", field, got[field], reason)
				}
				if strings.Contains(injected, `"`+field+`"`) {
					t.Errorf("%s is skipped, and injected: %s", field, injected)
				}
			}
		})
	}
}
