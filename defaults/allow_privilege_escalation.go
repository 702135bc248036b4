// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// allowPrivilegeEscalation: false sets no_new_privs on the container's process,
// so that no setuid binary and no file capability can give it more than it
// started with.
//
// Field: spec.containers[*].securityContext.allowPrivilegeEscalation, and of
// init and ephemeral containers.
//
// Hardened value: false.
//
// Conflicts: ValidateSecurityContext in kubernetes/pkg/apis/core/validation
// refuses false beside privileged: true, and beside a capability spelt exactly
// CAP_SYS_ADMIN. The spelling SYS_ADMIN it accepts, and no_new_privs is then
// set, so that is no conflict.
var allowPrivilegeEscalation = &Field{
	Name:   "allowPrivilegeEscalation",
	Levels: ContainerLevel,
	OS:     Linux,
	Values: onlyFalse,
	Conflicts: []Conflict{
		{
			Reason:      Privileged,
			When:        "`privileged: true`",
			Because:     "the API server refuses the pair",
			InContainer: isPrivileged,
		},
		{
			Reason:  AddsCapSysAdmin,
			When:    "`capabilities.add` holds exactly `CAP_SYS_ADMIN`",
			Because: "the API server refuses the pair; `SYS_ADMIN` it accepts",
			InContainer: func(_ *Pod, c *Container, _ Value) bool {
				return slices.Contains(c.SecurityContext.AddedCapabilities, "CAP_SYS_ADMIN")
			},
		},
	},
}

func isPrivileged(_ *Pod, c *Container, _ Value) bool { return c.SecurityContext.Privileged }
