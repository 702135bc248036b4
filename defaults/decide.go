// SPDX-License-Identifier: Apache-2.0

package defaults

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
	WindowsPod           Reason = "windows-pod"
	LinuxPod             Reason = "linux-pod"
	Privileged           Reason = "privileged"
	AddsCapSysAdmin      Reason = "adds-cap-sys-admin"
	AddsAllCapabilities  Reason = "adds-all-capabilities"
	RunsAsRoot           Reason = "runs-as-root"
	LegacyAnnotation     Reason = "legacy-annotation"
	SharesHostNamespaces Reason = "host-namespace"
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
}

// DecideContainer decides every container default of the profile for one
// container of the pod, in the order of [Fields].
func (p *Profile) DecideContainer(pod *Pod, c *Container) []Decision {
	return decideAll(pod, c, p.Container)
}

// DecidePod decides every pod-level default of the profile, in the order of
// [Fields].
func (p *Profile) DecidePod(pod *Pod) []Decision {
	return decideAll(pod, nil, p.Pod)
}

func decideAll(pod *Pod, c *Container, defaults []Default) []Decision {
	if len(defaults) == 0 {
		return nil
	}
	decisions := make([]Decision, len(defaults))
	for i, d := range defaults {
		outcome, reason := decide(pod, c, d)
		decisions[i] = Decision{Field: d.Field, Container: c, Value: d.Value, Outcome: outcome, Reason: reason}
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
//	it is a Linux field and the pod is for Windows     skip     windows-pod
//	it is a Windows field and the pod is for Linux     skip     linux-pod
//	a conflict of the field holds                      skip     the conflict's
//	otherwise                                          inject   unset
func decide(pod *Pod, c *Container, d Default) (Outcome, Reason) {
	switch {
	case c != nil && c.SecurityContext.Sets(d.Field):
		return Leave, SetOnContainer
	case pod.SecurityContext.Sets(d.Field) && (c == nil || d.Field.Inherited()):
		return Leave, SetOnPod
	case d.Field.OS == Linux && pod.Windows:
		return Skip, WindowsPod
	case d.Field.OS == Windows && !pod.Windows:
		return Skip, LinuxPod
	}
	if reason := d.Field.conflict(pod, c, d.Value); reason != "" {
		return Skip, reason
	}
	return Inject, Unset
}

// A Verdict is an outcome with its reason.
type Verdict struct {
	Outcome Outcome
	Reason  Reason
}

// Verdicts returns every verdict that decide can give for this default, each
// once. It is what lets metric series exist before the first pod comes.
func (d Default) Verdicts(level Level) []Verdict {
	var verdicts []Verdict
	if level == ContainerLevel {
		verdicts = append(verdicts, Verdict{Leave, SetOnContainer})
	}
	if level == PodLevel || d.Field.Inherited() {
		verdicts = append(verdicts, Verdict{Leave, SetOnPod})
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
	return append(verdicts, Verdict{Inject, Unset})
}
