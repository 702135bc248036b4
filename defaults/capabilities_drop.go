// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// capabilities.drop takes capabilities away that a container runtime gives by
// default; ALL takes all of them. It is a field of its own: a drop is filled in
// beside an add that the author wrote, and the added ones remain.
//
// Field: spec.containers[*].securityContext.capabilities.drop, and of init and
// ephemeral containers.
//
// Hardened value: [ALL].
//
// Conflicts, both seen on containerd: in a privileged container the bounding set
// stays full whatever is dropped; and where both lists hold ALL the drop wins,
// which would leave the author none of the capabilities asked for. Runtimes
// compare the word without regard to case.
var capabilitiesDrop = &Field{
	Name:   "capabilities.drop",
	Levels: ContainerLevel,
	OS:     Linux,
	Conflicts: []Conflict{
		{
			Reason:      Privileged,
			When:        "`privileged: true`",
			Because:     "no effect: the bounding set stays full",
			Concerns:    dropsAll,
			InContainer: isPrivileged,
			NoEffect:    true,
		},
		{
			Reason:   AddsAllCapabilities,
			When:     "`capabilities.add` holds `ALL`",
			Because:  "the drop would win and leave none of what the author asked for",
			Concerns: dropsAll,
			InContainer: func(_ *Pod, c *Container, _ Value) bool {
				return slices.ContainsFunc(c.SecurityContext.AddedCapabilities, isAll[string])
			},
		},
	},
}

func dropsAll(v Value) bool {
	return slices.ContainsFunc(v.Typed.([]corev1.Capability), isAll[corev1.Capability])
}

func isAll[S ~string](capability S) bool { return strings.EqualFold(string(capability), "ALL") }
