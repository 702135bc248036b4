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
	{SetOnContainer, "The container sets the field. Its value stays."},
	{SetOnPod, "The Pod sets the field, and containers inherit it. Its value stays."},
	{ByException, "An exception of the profile keeps the field unset."},
	{Requested, "The annotation caseharden.io/leave asks to keep the field unset, and the profile allows that."},
	{WindowsPod, "The Pod is for Windows, and the field is for Linux."},
	{LinuxPod, "The Pod is for Linux, and the field is for Windows."},
	{Privileged, "The container is privileged: the API server would reject the field, or the field would have no effect."},
	{AddsCapSysAdmin, "The container adds exactly CAP_SYS_ADMIN, and the API server rejects the two fields together."},
	{AddsAllCapabilities, "The container adds ALL capabilities, and the drop would remove them."},
	{AddsWhatIsDropped, "The container adds a capability that the drop would remove."},
	{HostProcess, "A container runs as a host process of its Windows node, and the API server rejects the two fields together."},
	{RunsAsRoot, "The manifest makes the container run as root, and the kubelet would not start it."},
	{LegacyAnnotation, "The Pod has the legacy annotation for this field, and the API server rejects a field that differs from it."},
	{SharesHostNamespaces, "The Pod shares the namespace of the node that the value is about, and would be rejected."},
	{BeyondUserNamespace, "The Pod has its own user namespace, which does not have this ID."},
	{OtherSELinuxOptions, "Another container of the Pod has another SELinux label, and a volume that both use would be rejected."},
	{GroupWithoutUser, "The Pod sets no user, and a container runtime rejects a group without a user."},
	{Unset, "The field is unset."},
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
