// SPDX-License-Identifier: Apache-2.0

package defaults

// A Reason is the cause of an outcome. The set is closed: reasons are metric labels,
// and users look them up in docs/reference.md.
type Reason string

// The reasons, in the order in which decide gives them.
const (
	SetOnContainer       Reason = "set-on-container"
	SetOnPod             Reason = "set-on-pod"
	ByException          Reason = "exception"
	Requested            Reason = "requested"
	WindowsPod           Reason = "windows-pod"
	LinuxPod             Reason = "linux-pod"
	Privileged           Reason = "privileged"
	AddsCapSysAdmin      Reason = "adds-cap-sys-admin"
	AddsAllCapabilities  Reason = "adds-all-capabilities"
	AddsWhatIsDropped    Reason = "adds-what-is-dropped"
	HostProcess          Reason = "host-process"
	RunsAsRoot           Reason = "runs-as-root"
	LegacyAnnotation     Reason = "legacy-annotation"
	SharesHostNamespaces Reason = "host-namespace"
	BeyondUserNamespace  Reason = "beyond-user-namespace"
	OtherSELinuxOptions  Reason = "other-selinux-options"
	GroupWithoutUser     Reason = "group-without-user"
	Unset                Reason = "unset"
)

// sentences are the reasons in words. They hold at container level and at pod level.
var sentences = []struct {
	reason   Reason
	sentence string
}{
	{SetOnContainer, "The container sets it, and what its author wrote stays."},
	{SetOnPod, "The pod sets it, and what its author wrote stays."},
	{ByException, "An exception of the profile leaves it out."},
	{Requested, "The annotation caseharden.io/leave asks to leave it out, and the profile allows that."},
	{WindowsPod, "The pod is for Windows, and the setting is one of Linux."},
	{LinuxPod, "The pod is for Linux, and the setting is one of Windows."},
	{Privileged, "A privileged container: the API server would refuse the setting, or it would have no effect."},
	{AddsCapSysAdmin, "The container adds CAP_SYS_ADMIN, spelt so, and the API server refuses the two together."},
	{AddsAllCapabilities, "The container adds ALL capabilities, and the drop would leave it none of them."},
	{AddsWhatIsDropped, "The container adds a capability that would be dropped, and the drop would win."},
	{HostProcess, "A container runs as a process of its Windows node, which the setting does not go with."},
	{RunsAsRoot, "The manifest has it run as root, and the kubelet would not start it."},
	{LegacyAnnotation, "An annotation from before there was the field is there, and the API server refuses a field that disagrees."},
	{SharesHostNamespaces, "The pod shares the node's namespace that the value is about, and would be refused."},
	{BeyondUserNamespace, "The pod has a user namespace of its own, which has no such ID."},
	{OtherSELinuxOptions, "Another container of the pod has another SELinux label, and a volume that they share would be refused."},
	{GroupWithoutUser, "No user is set beside the group, and a container runtime refuses that."},
	{Unset, "Nobody has set it."},
}

// Reasons returns every reason, in the order in which decide gives them.
func Reasons() []Reason {
	var all []Reason
	for _, s := range sentences {
		all = append(all, s.reason)
	}
	return all
}

// Sentence returns the reason in words; "" for a reason that is none.
func (r Reason) Sentence() string {
	for _, s := range sentences {
		if s.reason == r {
			return s.sentence
		}
	}
	return ""
}
