// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What authors can write so that settings are skipped, and what Pod Security Admission
// makes of it in the same namespace: the rows of docs/threat-model.md.
func TestSkipsBesidePodSecurity(t *testing.T) {
	levels := map[string]string{}
	for _, level := range []string{"baseline", "restricted"} {
		levels[level] = newNamespace(t, map[string]string{"caseharden.io/enforce": "hardened", "pod-security.kubernetes.io/enforce": level})
	}
	for name, tt := range map[string]struct {
		manifest string
		admitted string // by which levels
	}{
		"nothing":                   {`spec: {containers: [{name: app}]}`, "baseline restricted"},
		"privileged":                {`spec: {containers: [{name: app, securityContext: {privileged: true}}]}`, ""},
		"a capability":              {`spec: {containers: [{name: app, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}]}`, ""},
		"all capabilities":          {`spec: {containers: [{name: app, securityContext: {capabilities: {add: [ALL]}}}]}`, ""},
		"root":                      {`spec: {containers: [{name: app, securityContext: {runAsUser: 0}}]}`, "baseline"},
		"the legacy annotation":     {`{metadata: {annotations: {container.seccomp.security.alpha.kubernetes.io/app: unconfined}}, spec: {containers: [{name: app}]}}`, "baseline"},
		"os":                        {`spec: {os: {name: windows}, containers: [{name: app}]}`, "baseline restricted"},
		"a node selector":           {`spec: {nodeSelector: {kubernetes.io/os: windows}, containers: [{name: app}]}`, "baseline"},
		"windowsOptions on the pod": {`spec: {securityContext: {windowsOptions: {}}, containers: [{name: app}]}`, "baseline"},
		"windowsOptions on another": {`spec: {containers: [{name: app}, {name: other, securityContext: {windowsOptions: {}}}]}`, "baseline"},
	} {
		t.Run(name, func(t *testing.T) {
			for level, namespace := range levels {
				admitted, err := client.CoreV1().Pods(namespace).Create(t.Context(), pod(t, tt.manifest), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				if err != nil && !apierrors.IsForbidden(err) {
					t.Fatal(err)
				}
				if got, want := err == nil, strings.Contains(tt.admitted, level); got != want {
					t.Errorf("%s: admitted %t, want %t: %v", level, got, want, err)
				}
				if err != nil || name == "nothing" {
					continue
				}
				if injected := admitted.Annotations["caseharden.io/injected"]; strings.Contains(injected, `"app":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"]`) {
					t.Errorf("%s: no setting is skipped: %s", level, injected)
				}
			}
		})
	}
}
