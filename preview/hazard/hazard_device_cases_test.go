// SPDX-License-Identifier: Apache-2.0

package hazard

func init() { hazardCases = append(hazardCases, deviceCases...) }

// resources is a pod with a container that has resources.
func resources(list, podOptions string) string {
	return `{spec: {` + podOptions + `containers: [{name: c, resources: ` + list + `}, {name: d}]}}`
}

var deviceCases = []hazardCase{
	{id: "device-access", name: "an extended resource", want: []string{"c"}, says: []string{"user 10001", "the resource amd.com/gpu", "supplementalGroups", "runAsUser: 0"},
		pod: resources(`{limits: {amd.com/gpu: 1}, requests: {amd.com/gpu: 1}}`, "")},
	{id: "device-access", name: "two", want: []string{"c"}, says: []string{"squat.ai/fuse and the resource squat.ai/tun"},
		pod: resources(`{limits: {squat.ai/fuse: 1, squat.ai/tun: 1, cpu: 1}}`, "")},
	{id: "device-access", name: "NVIDIA", want: []string{"c"}, says: []string{"nvidia.com/gpu: NVIDIA's driver lets everybody"},
		pod: resources(`{limits: {nvidia.com/gpu: 1}}`, "")},
	{id: "device-access", name: "requested alone", want: []string{"c"}, pod: resources(`{requests: {amd.com/gpu: 1}}`, "")},
	{id: "device-access", name: "a resource claim", want: []string{"c"}, says: []string{`the resource claim "gpu"`},
		pod: resources(`{claims: [{name: gpu}]}`, `resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}], `)},
	{id: "device-access", name: "a resource claim of no container",
		pod: resources(`{}`, `resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}], `)},
	{id: "device-access", name: "none of it", pod: resources(`{limits: {amd.com/gpu: 0}}`, "")},
	{id: "device-access", name: "Kubernetes' own", pod: resources(`{limits: {cpu: 1, memory: 1Gi, ephemeral-storage: 1Gi, hugepages-2Mi: 2Mi, kubernetes.io/x: 1, a.kubernetes.io/y: 1}}`, "")},
	{id: "device-access", name: "with groups", pod: resources(`{limits: {amd.com/gpu: 1}}`, `securityContext: {supplementalGroups: [44]}, `)},
	{id: "device-access", name: "as root", pod: resources(`{limits: {amd.com/gpu: 1}}`, `securityContext: {runAsUser: 0}, `)},
	{id: "device-access", name: "a profile without a user", profile: "restricted", pod: resources(`{limits: {amd.com/gpu: 1}}`, "")},

	{id: "root-allowed", name: "on the pod", want: []string{"c", "d"}, says: []string{"runAsNonRoot: false", "user 10001", "runAsUser: 0"},
		pod: `{spec: {securityContext: {runAsNonRoot: false}, containers: [{name: c}, {name: d}, {name: e, securityContext: {runAsNonRoot: true}}]}}`},
	{id: "root-allowed", name: "on the container", want: []string{"c"},
		pod: `{spec: {securityContext: {runAsNonRoot: true}, containers: [{name: c, securityContext: {runAsNonRoot: false}}, {name: d}]}}`},
	{id: "root-allowed", name: "with a user", pod: `{spec: {securityContext: {runAsNonRoot: false, runAsUser: 0}, containers: [{name: c}]}}`},
	{id: "root-allowed", name: "with a user on the container", pod: `{spec: {containers: [{name: c, securityContext: {runAsNonRoot: false, runAsUser: 7}}]}}`},
	{id: "root-allowed", name: "a profile without a user", profile: "restricted", pod: `{spec: {securityContext: {runAsNonRoot: false}, containers: [{name: c}]}}`},
	{id: "root-allowed", name: "unset", pod: `{spec: {containers: [{name: c}]}}`},
	{id: "root-allowed", name: "privileged", // the business of privileged-non-root
		pod: `{spec: {containers: [{name: c, securityContext: {runAsNonRoot: false, privileged: true}}]}}`},
	{id: "root-allowed", name: "adds a capability", // the business of added-capabilities-non-root
		pod: `{spec: {containers: [{name: c, securityContext: {runAsNonRoot: false, capabilities: {add: [NET_ADMIN]}}}]}}`},

	{id: "windows-runtime-class", name: "a name with windows", want: []string{onPod}, says: []string{"runhcs-Windows-2022", "node selector", "spec.os.name: windows"},
		pod: `{spec: {runtimeClassName: runhcs-Windows-2022, containers: [{name: c}]}}`},
	{id: "windows-runtime-class", name: "a handler of containerd", want: []string{onPod}, says: []string{"runhcs-wcow-process"},
		pod: `{spec: {runtimeClassName: runhcs-wcow-process, containers: [{name: c}]}}`},
	{id: "windows-runtime-class", name: "another name", pod: `{spec: {runtimeClassName: gvisor, containers: [{name: c}]}}`},
	{id: "windows-runtime-class", name: "known to be for Windows", pod: `{spec: {os: {name: windows}, runtimeClassName: windows, containers: [{name: c}]}}`},
	{id: "windows-runtime-class", name: "selected for Windows",
		pod: `{spec: {nodeSelector: {kubernetes.io/os: windows}, runtimeClassName: windows, containers: [{name: c}]}}`},
}
