// SPDX-License-Identifier: Apache-2.0

package defaults

import "strings"

// runAsNonRoot: true makes the kubelet refuse to start a container as root. It
// changes nobody's user; runAsUser does.
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
	Conflicts: []Conflict{
		{Reason: RunsAsRoot, InContainer: func(pod *Pod, c *Container, _ Value) bool {
			uid := c.SecurityContext.RunAsUser
			if uid == nil {
				uid = pod.SecurityContext.RunAsUser
			}
			return uid != nil && *uid == 0
		}},
		{Reason: RunsAsRoot, InContainer: func(pod *Pod, c *Container, _ Value) bool {
			name := c.SecurityContext.RunAsUserName
			if name == nil {
				name = pod.SecurityContext.RunAsUserName
			}
			return name != nil && strings.EqualFold(*name, "ContainerAdministrator")
		}},
	},
}
