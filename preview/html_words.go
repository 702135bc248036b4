// SPDX-License-Identifier: Apache-2.0

package preview

import "github.com/caseharden/caseharden/defaults"

// A meaning is a word of the report in a sentence.
type meaning struct {
	Word, Sentence string
}

// The outcomes, in the order in which the page shows them.
var outcomeMeanings = []meaning{
	{string(defaults.Inject), "The setting would be filled in, with the value that is shown."},
	{string(defaults.Leave), "The author of the manifest has decided, and that stays as it is."},
	{string(defaults.Skip), "The profile would have filled it in, but it must not: the reason is given."},
}

// The reasons, in the order in which defaults gives them, and the exceptions of
// profiles. The sentences hold at container level and at pod level.
var reasonMeanings = []meaning{
	{string(defaults.SetOnContainer), "The container sets it, and what its author wrote stays."},
	{string(defaults.SetOnPod), "The pod sets it, and what its author wrote stays."},
	{string(defaults.ByException), "An exception of the profile leaves it out."},
	{string(defaults.WindowsPod), "The pod is for Windows, and the setting is one of Linux."},
	{string(defaults.LinuxPod), "The pod is for Linux, and the setting is one of Windows."},
	{string(defaults.Privileged), "A privileged container: the API server would refuse the setting, or it would have no effect."},
	{string(defaults.AddsCapSysAdmin), "The container adds CAP_SYS_ADMIN, spelt so, and the API server refuses the two together."},
	{string(defaults.AddsAllCapabilities), "The container adds ALL capabilities, and the drop would leave it none of them."},
	{string(defaults.AddsWhatIsDropped), "The container adds a capability that would be dropped, and the drop would win."},
	{string(defaults.HostProcess), "A container runs as a process of its Windows node, which the setting does not go with."},
	{string(defaults.RunsAsRoot), "The manifest has it run as root, and the kubelet would not start it."},
	{string(defaults.LegacyAnnotation), "An annotation from before there was the field is there, and the API server refuses a field that disagrees."},
	{string(defaults.SharesHostNamespaces), "The pod shares the node's namespace that the value is about, and would be refused."},
	{string(defaults.BeyondUserNamespace), "The pod has a user namespace of its own, which has no such ID."},
	{string(defaults.OtherSELinuxOptions), "Another container of the pod has another SELinux label, and a volume that they share would be refused."},
	{string(defaults.GroupWithoutUser), "No user is set beside the group, and a container runtime refuses that."},
	{string(defaults.Unset), "Nobody has set it."},
}

// reasonSentences are the sentences by reason.
var reasonSentences = func() map[string]string {
	sentences := map[string]string{}
	for _, m := range reasonMeanings {
		sentences[m.Word] = m.Sentence
	}
	return sentences
}()

// reasonSentence says a reason in words; one that is not known is named.
func reasonSentence(reason string) string {
	if sentence, found := reasonSentences[reason]; found {
		return sentence
	}
	return "The reason is " + reason + "."
}
