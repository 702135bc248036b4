// SPDX-License-Identifier: Apache-2.0

package defaults_test

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
		{"not linux", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [linux]}]}]`), true},
		{"not linux, deprecated label", required(`[{matchExpressions: [{key: beta.kubernetes.io/os, operator: NotIn, values: [linux]}]}]`), true},
		{"neither linux nor another", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [darwin, linux]}]}]`), true},
		{"not another system", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [darwin]}]}]`), false},
		{"windows twice", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows, windows]}]}]`), true},
		{"windows or another system", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [darwin, windows]}]}]`), true},
		{"windows or linux, and not linux", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows, linux]}, {key: kubernetes.io/os, operator: NotIn, values: [linux]}]}]`), true},
		{"terms that demand it differently", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [linux]}]}, {matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Exists}]}]`), true},
		{"any system", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: Exists}]}]`), false},
		{"no system", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: DoesNotExist}]}]`), false},
		{"only another system", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [darwin]}]}]`), false},
		{"a name of a node", required(`[{matchFields: [{key: metadata.name, operator: In, values: [windows]}]}]`), false},
		{"a name of a node, and windows", required(`[{matchFields: [{key: metadata.name, operator: In, values: [n]}], matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"windows, or a name of a node", required(`[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}, {matchFields: [{key: metadata.name, operator: In, values: [n]}]}]`), false},
		{"windows, or an empty term, which matches no node", required(`[{}, {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"windows, or a null term, which matches no node", required(`[null, {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}], matchFields: null}]`), true},
		{"an empty term", required(`[{}]`), false},
		{"no terms", required(`[]`), false},
		{"null terms", required(`null`), false},
		{"no required affinity", `{spec: {nodeSelector: {kubernetes.io/os: windows}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: null}}}}`, true},

		{"Windows build", `{metadata: {name: build-label}, spec: {nodeSelector: {node.kubernetes.io/windows-build: "10.0.20348"}, containers: [{name: app, image: "mcr.microsoft.com/windows/nanoserver:ltsc2022"}]}}`, true},
		{"empty Windows build", `{spec: {nodeSelector: {node.kubernetes.io/windows-build: ""}}}`, true},
		{"another label of a build", `{spec: {nodeSelector: {node.kubernetes.io/build: "10.0.20348"}}}`, false},
		{"Windows build In", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: In, values: [10.0.17763, 10.0.20348]}]}]`), true},
		{"Windows build Exists", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Exists}]}]`), true},
		{"Windows build Gt", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Gt, values: ["17763"]}]}]`), true},
		{"Windows build Lt", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Lt, values: ["20348"]}]}]`), true},
		{"Windows build NotIn", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: NotIn, values: [10.0.17763]}]}]`), false},
		{"Windows build NotIn, and windows", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: NotIn, values: [10.0.17763]}, {key: kubernetes.io/os, operator: In, values: [windows]}]}]`), true},
		{"Windows build DoesNotExist", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: DoesNotExist}]}]`), false},
		{"Windows build in one term of two", required(`[{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Exists}]}, {matchExpressions: [{key: zone, operator: Exists}]}]`), false},
		{"os linux and a Windows build", `{spec: {os: {name: linux}, nodeSelector: {node.kubernetes.io/windows-build: "10.0.20348"}}}`, false},
		{"a Windows build, which no linux node has", `{spec: {nodeSelector: {kubernetes.io/os: linux, node.kubernetes.io/windows-build: "10.0.20348"}}}`, false},
		{"preferred affinity", `{spec: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}}]}}}}`, false},

		{"windowsOptions on the pod", `{spec: {securityContext: {windowsOptions: {hostProcess: true}}}}`, true},
		{"windowsOptions on an init container", `{spec: {initContainers: [{securityContext: {windowsOptions: {}}}]}}`, true},
		{"windowsOptions on an ephemeral container", `{spec: {ephemeralContainers: [{}, {securityContext: {windowsOptions: {}}}]}}`, true},
		{"windowsOptions and a selector for linux", `{spec: {securityContext: {windowsOptions: {}}, nodeSelector: {kubernetes.io/os: linux}}}`, false},
		{"windowsOptions and an affinity for linux", `{spec: {securityContext: {windowsOptions: {}}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}}}}`, false},
		{"windowsOptions and another selector", `{spec: {securityContext: {windowsOptions: {}}, nodeSelector: {zone: a}}}`, true},
		{"windowsOptions and not windows", `{spec: {securityContext: {windowsOptions: {}}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [windows]}]}]}}}}}`, false},
		{"windowsOptions and no Windows build", `{spec: {securityContext: {windowsOptions: {}}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: node.kubernetes.io/windows-build, operator: DoesNotExist}]}]}}}}}`, false},
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
