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

	// Exception is the one that the outcome comes from, where one left the default or
	// gave another value that is injected.
	Exception *Exception
}

// Decide returns what becomes of every default of the profile in a new pod: container by
// container, then at pod level, each in the order of [Fields].
func (p *Profile) Decide(pod *Pod) []Decision {
	decisions := make([]Decision, 0, len(pod.Containers)*len(p.Container)+len(p.Pod))
	requested := p.requested(pod)
	for i := range pod.Containers {
		decisions = p.decideContainer(decisions, pod, &pod.Containers[i], requested)
	}
	if len(p.Pod) == 0 {
		return decisions
	}
	return append(decisions, p.decidePod(pod.after(decisions), requested)...)
}

// DecideAdded returns what becomes of every default of the profile in containers that are
// added to a pod that runs. Nothing else of the pod can change.
func (p *Profile) DecideAdded(pod *Pod, added []*Container) []Decision {
	decisions := make([]Decision, 0, len(added)*len(p.Container))
	requested := p.requested(pod)
	for _, c := range added {
		decisions = p.decideContainer(decisions, pod, c, requested)
	}
	return decisions
}

func (p *Profile) decideContainer(decisions []Decision, pod *Pod, c *Container, requested fieldSet) []Decision {
	for _, d := range p.containerDefaults(pod, c) {
		decisions = append(decisions, decide(pod, c, d, requested))
	}
	return decisions
}

// decidePod decides at pod level, for a pod whose containers have what they get: what a
// container gets itself it does not inherit. The user comes first, as a group depends on it.
func (p *Profile) decidePod(pod *Pod, requested fieldSet) []Decision {
	defaults := p.podDefaults(pod)
	decisions := make([]Decision, len(defaults))
	for _, user := range []bool{true, false} {
		for i, d := range defaults {
			if (d.Field == runAsUser) != user {
				continue
			}
			decisions[i] = decide(pod, nil, d, requested)
			if user && decisions[i].Outcome == Inject {
				pod.SecurityContext.set |= runAsUser.bit
			}
		}
	}
	return decisions
}

// after returns a copy of the pod in which the containers set what was decided to inject.
func (pod *Pod) after(decisions []Decision) *Pod {
	after := *pod
	after.Containers = slices.Clone(pod.Containers)
	i := 0 // of the container that the decision is about: they stand in the same order
	for _, d := range decisions {
		for d.Container != &pod.Containers[i] {
			i++
		}
		if d.Outcome == Inject {
			after.Containers[i].SecurityContext.set |= d.Field.bit
		}
	}
	return &after
}

// decide returns what becomes of one default: in the container c, or at pod level
// where c is nil. The first case that holds wins. The requested fields are those that the
// author of the pod asks to leave, and may.
//
//	when                                               outcome  reason
//	the container sets the field                       leave    set-on-container
//	the pod sets it, and either containers inherit     leave    set-on-pod
//	  it from there or the default is for the pod
//	an exception of the profile leaves it              skip     exception
//	the author asks to leave it, and the profile       skip     requested
//	  lets authors do so
//	it is a Linux field and the pod is for Windows     skip     windows-pod
//	it is a Windows field and the pod is for Linux     skip     linux-pod
//	a conflict of the field holds                      skip     the conflict's
//	an exception of the profile gives another value    inject   unset
//	otherwise                                          inject   unset
func decide(pod *Pod, c *Container, d Default, requested fieldSet) Decision {
	as := func(outcome Outcome, reason Reason, because string) Decision {
		return Decision{Field: d.Field, Container: c, Value: d.Value, Outcome: outcome, Reason: reason, Because: because}
	}
	byException := func(outcome Outcome, reason Reason) Decision {
		decision := as(outcome, reason, d.Exception.Reason)
		decision.Exception = d.Exception
		return decision
	}
	switch {
	case c != nil && c.SecurityContext.Sets(d.Field):
		return as(Leave, SetOnContainer, "")
	case pod.SecurityContext.Sets(d.Field) && (c == nil || d.Field.Inherited()):
		return as(Leave, SetOnPod, "")
	case d.Excepted:
		return byException(Skip, ByException)
	case requested&d.Field.bit != 0:
		return as(Skip, Requested, "")
	case d.Field.OS == Linux && pod.Windows:
		return as(Skip, WindowsPod, "")
	case d.Field.OS == Windows && !pod.Windows:
		return as(Skip, LinuxPod, "")
	}
	if conflict := d.Field.conflict(pod, c, d.Value); conflict != nil {
		return as(Skip, conflict.Reason, conflict.Because)
	}
	if d.Exception != nil {
		return byException(Inject, Unset)
	}
	return as(Inject, Unset, "")
}

// A Result is an outcome with its reason.
type Result struct {
	Outcome Outcome
	Reason  Reason
}

// results returns every result that decide can give for this default at a
// level, each once. The field is one that authors may ask to leave, or not. That the two
// agree is tested by TestResultsAreThoseOfTheCases.
func (d Default) results(level Level, selfService bool) []Result {
	var results []Result
	if level == ContainerLevel {
		results = append(results, Result{Leave, SetOnContainer})
	}
	if level == PodLevel || d.Field.Inherited() {
		results = append(results, Result{Leave, SetOnPod})
	}
	if d.Excepted {
		return append(results, Result{Skip, ByException})
	}
	if selfService {
		results = append(results, Result{Skip, Requested})
	}
	switch d.Field.OS {
	case Linux:
		results = append(results, Result{Skip, WindowsPod})
	case Windows:
		results = append(results, Result{Skip, LinuxPod})
	}
	for _, reason := range d.Field.conflictReasons(level, d.Value) {
		results = append(results, Result{Skip, reason})
	}
	return append(results, Result{Inject, Unset})
}

// Results returns, by the names of fields, every result that the profile can give, each
// once. With it, metric series exist before the first pod comes.
func (p *Profile) Results() map[string][]Result {
	all := map[string][]Result{}
	add := func(level Level, defaults ...Default) {
		for _, d := range defaults {
			for _, v := range d.results(level, slices.Contains(p.SelfService, d.Field)) {
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
					add(level, Default{Field: d.Field, Excepted: true})
				}
			}
		}
	}
	return all
}
