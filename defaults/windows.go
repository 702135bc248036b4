// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// windowsOptions are the settings that only Windows containers have.
//
// Field: spec.securityContext.windowsOptions and
// spec.containers[*].securityContext.windowsOptions, and of init and ephemeral
// containers.
//
// Hardened values: no hostProcess, and another user than ContainerAdministrator.
//
// Inherited from: the pod, each member by itself.
//
// Conflicts: a HostProcess container runs as a user of its node, and would take
// the pod's runAsUserName over. A hostProcess of the pod that differs from the
// container's is refused by the API server (validateWindowsHostProcessPod in
// kubernetes/pkg/apis/core/validation).
var windowsOptions = &Field{
	Name:   "windowsOptions",
	Levels: ContainerLevel | PodLevel,
	OS:     Windows,
	Values: windowsSettings,
	Conflicts: []Conflict{{
		Reason:  HostProcess,
		When:    "for a pod-level default: `windowsOptions.hostProcess: true` on a container",
		Because: "the API server refuses the pair, or the container would inherit a user that its node does not have",
		OnPod: func(pod *Pod, _ Value) bool {
			return slices.ContainsFunc(pod.Containers, func(c Container) bool { return c.SecurityContext.HostProcess })
		},
	}},
}

// forWindows reports whether a pod is for Windows nodes. Such pods almost never say so in
// spec.os. The first line that holds decides:
//
//	spec.os.name is set                              by it
//	only Windows nodes can take the pod              Windows
//	only Linux nodes can take the pod                Linux
//	windowsOptions in a security context of the pod  Windows
//	otherwise                                        Linux
//
// Where a pod can run comes before windowsOptions, which Linux nodes ignore.
func (s *podSpec) forWindows() bool {
	if s.os != "" {
		return string(s.os) == string(Windows)
	}
	if onWindows := s.canRunOn(windowsNode); onWindows != s.canRunOn(linuxNode) {
		return onWindows
	}
	pod := s.pod
	return pod.SecurityContext.Sets(windowsOptions) || slices.ContainsFunc(pod.Containers, func(c Container) bool {
		return c.SecurityContext.Sets(windowsOptions)
	})
}
