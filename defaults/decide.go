// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// An Outcome says what becomes of one default in one place.
type Outcome string

// The outcomes. Leave means that the author of the pod has decided; Skip that
// the profile would have, but must not: only skips deserve attention.
const (
	Inject Outcome = "inject"
	Leave  Outcome = "leave"
	Skip   Outcome = "skip"
)

// A Reason says why an outcome came about. The set is closed: reasons are
// metric labels, and users look them up in the README.
type Reason string

// The reasons, in the order in which decide gives them.
const (
	SetOnContainer       Reason = "set-on-container"
	SetOnPod             Reason = "set-on-pod"
	ByException          Reason = "exception"
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

// A Decision is what becomes of one default of a profile, in one container or
// at pod level.
type Decision struct {
	Field     *Field
	Container *Container // nil at pod level
	Value     Value      // what the profile would have there
	Outcome   Outcome
	Reason    Reason

	// Because says more of the reason: of an exception, what the profile gives as
	// its reason, be the default left or another; of a conflict, what it rests on.
	Because string
}

// DecideContainer decides every container default of the profile for one
// container of the pod, in the order of [Fields].
func (p *Profile) DecideContainer(pod *Pod, c *Container) []Decision {
	return decideAll(pod, c, p.containerDefaults(c))
}

// DecidePod decides every pod-level default of the profile, in the order of
// [Fields].
func (p *Profile) DecidePod(pod *Pod) []Decision {
	if len(p.Pod) == 0 {
		return nil
	}
	pod = p.afterContainers(pod)
	decisions := decideAll(pod, nil, p.podDefaults(pod))
	skipGroupWithoutUser(pod, decisions)
	return decisions
}

// afterContainers returns the pod with the container defaults of the profile set:
// what a container gets itself it does not inherit. A second pass sees it so too.
func (p *Profile) afterContainers(pod *Pod) *Pod {
	after := *pod
	after.Containers = slices.Clone(pod.Containers)
	for i := range after.Containers {
		for _, d := range p.DecideContainer(pod, &pod.Containers[i]) {
			if d.Outcome == Inject {
				after.Containers[i].SecurityContext.set |= d.Field.bit
			}
		}
	}
	return &after
}

func decideAll(pod *Pod, c *Container, defaults []Default) []Decision {
	if len(defaults) == 0 {
		return nil
	}
	decisions := make([]Decision, len(defaults))
	for i, d := range defaults {
		outcome, reason, because := decide(pod, c, d)
		decisions[i] = Decision{Field: d.Field, Container: c, Value: d.Value, Outcome: outcome, Reason: reason, Because: because}
	}
	return decisions
}

// decide says what becomes of one default: in the container c, or at pod level
// where c is nil. The first case that holds wins.
//
//	when                                               outcome  reason
//	the container sets the field                       leave    set-on-container
//	the pod sets it, and either containers inherit     leave    set-on-pod
//	  it from there or the default is for the pod
//	an exception of the profile leaves it              skip     exception
//	it is a Linux field and the pod is for Windows     skip     windows-pod
//	it is a Windows field and the pod is for Linux     skip     linux-pod
//	a conflict of the field holds                      skip     the conflict's
//	otherwise                                          inject   unset
func decide(pod *Pod, c *Container, d Default) (outcome Outcome, reason Reason, because string) {
	switch {
	case c != nil && c.SecurityContext.Sets(d.Field):
		return Leave, SetOnContainer, ""
	case pod.SecurityContext.Sets(d.Field) && (c == nil || d.Field.Inherited()):
		return Leave, SetOnPod, ""
	case d.Left:
		return Skip, ByException, d.Exception.Reason
	case d.Field.OS == Linux && pod.Windows:
		return Skip, WindowsPod, ""
	case d.Field.OS == Windows && !pod.Windows:
		return Skip, LinuxPod, ""
	}
	if conflict := d.Field.conflict(pod, c, d.Value); conflict != nil {
		return Skip, conflict.Reason, conflict.Because
	}
	if d.Exception != nil {
		because = d.Exception.Reason
	}
	return Inject, Unset, because
}

const groupWithoutUserBecause = "a container runtime refuses a pod whose `runAsGroup` stands without a `runAsUser`"

// skipGroupWithoutUser is a conflict between two defaults of one profile, and so no
// [Conflict]: container runtimes make the sandbox of a pod with the pod's own
// user and group, and refuse a group without a user (GenerateUserString in
// containerd's internal/cri/util). Where the user of the profile is not injected,
// its group must not be either.
func skipGroupWithoutUser(pod *Pod, decisions []Decision) {
	hasUser := pod.SecurityContext.Sets(runAsUser) || slices.ContainsFunc(decisions, func(d Decision) bool {
		return d.Field == runAsUser && d.Outcome == Inject
	})
	for i := range decisions {
		if d := &decisions[i]; d.Field == runAsGroup && d.Outcome == Inject && !hasUser {
			d.Outcome, d.Reason, d.Because = Skip, GroupWithoutUser, groupWithoutUserBecause
		}
	}
}

// A Verdict is an outcome with its reason.
type Verdict struct {
	Outcome Outcome
	Reason  Reason
}

// verdicts returns every verdict that decide can give for this default at a
// level, each once.
func (d Default) verdicts(level Level) []Verdict {
	var verdicts []Verdict
	if level == ContainerLevel {
		verdicts = append(verdicts, Verdict{Leave, SetOnContainer})
	}
	if level == PodLevel || d.Field.Inherited() {
		verdicts = append(verdicts, Verdict{Leave, SetOnPod})
	}
	if d.Left {
		return append(verdicts, Verdict{Skip, ByException})
	}
	switch d.Field.OS {
	case Linux:
		verdicts = append(verdicts, Verdict{Skip, WindowsPod})
	case Windows:
		verdicts = append(verdicts, Verdict{Skip, LinuxPod})
	}
	for _, reason := range d.Field.conflictReasons(level, d.Value) {
		verdicts = append(verdicts, Verdict{Skip, reason})
	}
	if level == PodLevel && d.Field == runAsGroup {
		verdicts = append(verdicts, Verdict{Skip, GroupWithoutUser})
	}
	return append(verdicts, Verdict{Inject, Unset})
}

// Verdicts returns, by the names of fields, every verdict that the profile can
// give, each once. It is what lets metric series exist before the first pod
// comes.
func (p *Profile) Verdicts() map[string][]Verdict {
	all := map[string][]Verdict{}
	add := func(level Level, defaults ...Default) {
		for _, d := range defaults {
			for _, v := range d.verdicts(level) {
				if name := d.Field.Name; !slices.Contains(all[name], v) {
					all[name] = append(all[name], v)
				}
			}
		}
	}
	add(ContainerLevel, p.Container...)
	add(PodLevel, p.Pod...)
	for i := range p.Exceptions {
		e := &p.Exceptions[i]
		add(ContainerLevel, e.Container...)
		for _, level := range []Level{ContainerLevel, PodLevel} {
			for _, d := range p.at(level) {
				if slices.Contains(e.Leave, d.Field) {
					add(level, Default{Field: d.Field, Left: true})
				}
			}
		}
	}
	return all
}
