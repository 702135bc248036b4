// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// seLinuxOptions are the SELinux label of the container's processes, on nodes that
// have it.
//
// Field: spec.securityContext.seLinuxOptions and
// spec.containers[*].securityContext.seLinuxOptions, and of init and ephemeral
// containers.
//
// Hardened values: those that Pod Security Admission allows.
//
// Inherited from: the pod.
//
// Conflicts: the kubelet mounts a volume with one label, and refuses one that
// containers with different labels share (GetMountSELinuxLabel in
// kubernetes/pkg/volume/util). Containers without a label do not count there.
var seLinuxOptions = &Field{
	Name:   "seLinuxOptions",
	Levels: ContainerLevel | PodLevel,
	OS:     Linux,
	Values: seLinuxLabels,
	Conflicts: []Conflict{{
		Reason:      OtherSELinuxOptions,
		When:        "another container of the pod sets another `seLinuxOptions`",
		Because:     "the kubelet refuses a volume that containers with different labels share",
		InContainer: func(pod *Pod, _ *Container, v Value) bool { return hasOtherLabel(pod, v) },
		OnPod:       hasOtherLabel,
	}},
}

// hasOtherLabel compares whole labels, so that what a profile has injected already
// is none of another.
func hasOtherLabel(pod *Pod, v Value) bool {
	label := *v.Typed.(*corev1.SELinuxOptions)
	return slices.ContainsFunc(pod.SELinuxOptions[:], func(other *corev1.SELinuxOptions) bool {
		return other != nil && *other != label
	})
}

// noteSELinuxLabel keeps the label of a container, if it is the first or differs from that.
// Of two that differ, one differs from any third: so that a default for each container does
// not have to look at all the others.
func (p *Pod) noteSELinuxLabel(c *Container) {
	label := c.SecurityContext.SELinuxOptions
	switch {
	case label == nil:
	case p.SELinuxOptions[0] == nil:
		p.SELinuxOptions[0] = label
	case p.SELinuxOptions[1] == nil && *label != *p.SELinuxOptions[0]:
		p.SELinuxOptions[1] = label
	}
}

// seLinuxTypes are those that Pod Security Admission allows since 1.0
// (check_seLinuxOptions.go in k8s.io/pod-security-admission).
var seLinuxTypes = []string{"", "container_t", "container_init_t", "container_kvm_t"}

// seLinuxLevel is what a container runtime takes for a level, also where SELinux is
// off (checkSelinuxLevel in containerd's internal/cri/server).
var seLinuxLevel = regexp.MustCompile(`^s\d(-s\d)?(:c\d{1,4}(\.c\d{1,4})?(,c\d{1,4}(\.c\d{1,4})?)*)?$`)

var seLinuxLabels = Values{
	"an object of level, such as s0:c1,c2, and type: container_t, container_init_t or container_kvm_t",
	func(typed any) bool {
		o := typed.(*corev1.SELinuxOptions)
		return o.User == "" && o.Role == "" && slices.Contains(seLinuxTypes, o.Type) && o.Level+o.Type != "" &&
			(o.Level == "" || seLinuxLevel.MatchString(o.Level))
	},
}
