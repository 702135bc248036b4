// SPDX-License-Identifier: Apache-2.0

package defaults

import "testing"

func TestWindows(t *testing.T) {
	required := func(terms string) string {
		return `{spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: ` + terms + `}}}}}`
	}
	for _, tt := range []struct {
		name, pod string
		want      bool
	}{
		{"nothing said", `{spec: {}}`, false},
		{"os windows", `{spec: {os: {name: windows}}}`, true},
		{"os linux", `{spec: {os: {name: linux}}}`, false},
		{"os linux and a selector for windows", `{spec: {os: {name: linux}, nodeSelector: {kubernetes.io/os: windows}}}`, false},
		{"os linux and windowsOptions", `{spec: {os: {name: linux}, securityContext: {windowsOptions: {}}}}`, false},

		{"node selector", `{spec: {nodeSelector: {kubernetes.io/os: windows}}}`, true},
		{"deprecated node selector", `{spec: {nodeSelector: {beta.kubernetes.io/os: windows}}}`, true},
		{"node selector for linux", `{spec: {nodeSelector: {kubernetes.io/os: linux}}}`, false},
		{"another node selector", `{spec: {nodeSelector: {os: windows}}}`, false},

		{"required affinity", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"required affinity, deprecated label", required(`[{matchExpressions: [{key: beta.kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"one expression of several", required(`[{matchExpressions: [{key: zone, operator: Exists}, {key: kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"every term", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}, {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}, {key: zone, operator: Exists}]}]`), true},
		{"one term of two", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}, {matchExpressions: [{key: zone, operator: Exists}]}]`), false},
		{"windows or linux", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows, linux]}]}]`), false},
		{"not windows", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [windows]}]}]`), false},
		{"no terms", required(`[]`), false},
		{"preferred affinity", `{spec: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}}]}}}}`, false},

		{"windowsOptions on the pod", `{spec: {securityContext: {windowsOptions: {hostProcess: true}}}}`, true},
		{"windowsOptions on an init container", `{spec: {initContainers: [{securityContext: {windowsOptions: {}}}]}}`, true},
		{"windowsOptions on an ephemeral container", `{spec: {ephemeralContainers: [{}, {securityContext: {windowsOptions: {}}}]}}`, true},
		{"windowsOptions and a selector for linux", `{spec: {securityContext: {windowsOptions: {}}, nodeSelector: {kubernetes.io/os: linux}}}`, false},
		{"windowsOptions and an affinity for linux", `{spec: {securityContext: {windowsOptions: {}}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}}}}`, false},
		{"windowsOptions and another selector", `{spec: {securityContext: {windowsOptions: {}}, nodeSelector: {zone: a}}}`, true},
		{"windowsOptions null", `{spec: {securityContext: {windowsOptions: null}}}`, false},
		{"a toleration only", `{spec: {tolerations: [{key: os, value: windows, effect: NoSchedule}]}}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParsePod(t, tt.pod).Windows; got != tt.want {
				t.Errorf("Windows = %t, want %t", got, tt.want)
			}
		})
	}
}
