// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"cmp"
	"strings"
)

// runAsNonRoot: true makes the kubelet refuse to start a container as root. It
// changes no user; runAsUser does.
//
// Field: spec.securityContext.runAsNonRoot and
// spec.containers[*].securityContext.runAsNonRoot, and of init and ephemeral
// containers.
//
// Hardened value: true.
//
// Inherited from: the pod.
//
// Conflicts: verifyRunAsNonRoot in kubernetes/pkg/kubelet/kuberuntime will not
// start a container whose effective runAsUser is 0 ("container's runAsUser
// breaks non-root policy"), nor, on Windows, one whose effective
// windowsOptions.runAsUserName is ContainerAdministrator, in any case.
var runAsNonRoot = &Field{
	Name:   "runAsNonRoot",
	Levels: ContainerLevel | PodLevel,
	Values: onlyTrue,
	Conflicts: []Conflict{
		{
			Reason:  RunsAsRoot,
			When:    "the effective `runAsUser` is 0",
			Because: "the kubelet would not start the container",
			InContainer: func(pod *Pod, c *Container, _ Value) bool {
				uid := cmp.Or(c.SecurityContext.RunAsUser, pod.SecurityContext.RunAsUser)
				return uid != nil && *uid == 0
			},
		},
		{
			Reason:  RunsAsRoot,
			When:    "Windows: the effective `runAsUserName` is `ContainerAdministrator`",
			Because: "the kubelet would not start the container",
			InContainer: func(pod *Pod, c *Container, _ Value) bool {
				name := cmp.Or(c.SecurityContext.RunAsUserName, pod.SecurityContext.RunAsUserName)
				return name != nil && strings.EqualFold(*name, "ContainerAdministrator")
			},
		},
	},
}
