// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"github.com/caseharden/caseharden/defaults"
)

// This file is the decision of defaults/decide.go in CEL: in which containers, and when at pod
// level, a default is filled in.

// settled returns the conditions under which no value at all is filled in for the field in the
// container c. set reports whether the container sets the field.
//
//	the container sets the field
//	the Pod sets it, and containers inherit it
//	the author asks to leave it, and the profile lets authors do so
//	it is a Linux field and the Pod is for Windows, or the reverse
func (s *scope) settled(f *defaults.Field, set string) []string {
	conditions := []string{set}
	if f.Inherited() {
		conditions = append(conditions, isSet("variables.pod", f))
	}
	return append(conditions, s.requested(f), otherOS(f))
}

func (s *scope) requested(f *defaults.Field) string {
	if !slices.Contains(s.profile.SelfService, f) {
		return ""
	}
	return quote(f.Name) + " in variables.requested"
}

func otherOS(f *defaults.Field) string {
	switch f.OS {
	case defaults.Linux:
		return "variables.windows"
	case defaults.Windows:
		return "!variables.windows"
	}
	return ""
}

// conflictsIn returns the conditions under which the value conflicts with the container c.
func (s *scope) conflictsIn(f *defaults.Field, bare bool, v defaults.Value) []string {
	var conditions []string
	for i, conflict := range conflictsOf(f) {
		if concerns := f.Conflicts[i].Concerns; conflict.inContainer == nil || concerns != nil && !concerns(v) {
			continue
		}
		conditions = append(conditions, conflict.inContainer(s, bare, v))
	}
	return conditions
}

// A choice is what a profile has for a field in containers of one type: by an exception, or by
// the profile itself.
type choice struct {
	when  string // that the exception matches the container c; "true" for the profile itself
	left  bool
	value defaults.Value
}

// choices returns the choices in order: the first that holds decides. A profile without a value
// for the field has no last one, and then nothing is filled in.
func (s *scope) choices(f *defaults.Field, t defaults.ContainerType) []choice {
	var all []choice
	base, found := defaults.FindDefault(s.profile.Container, f)
	for i := range s.profile.Exceptions {
		e := &s.profile.Exceptions[i]
		if !canMatch(e, t) {
			continue
		}
		if slices.Contains(e.Leave, f) {
			all = append(all, choice{when: inException(i), left: true})
		} else if d, given := defaults.FindDefault(e.Container, f); given {
			all = append(all, choice{when: inException(i), value: d.Value})
		}
	}
	if found {
		all = append(all, choice{when: "true", value: base.Value})
	}
	if !slices.ContainsFunc(all, func(c choice) bool { return !c.left }) {
		return nil
	}
	return all
}

// setIn returns the condition that the container c sets the field.
func setIn(f *defaults.Field, bare bool) string {
	if bare {
		return ""
	}
	return isSet("c.securityContext", f)
}

// decision returns an expression for the field in the container c: of a value where the value
// is filled in, and none where nothing is. set is the condition that the container sets the field.
func (s *scope) decision(f *defaults.Field, t defaults.ContainerType, bare bool, set string, of func(defaults.Value) string, none string) string {
	choices := s.choices(f, t)
	unless := s.settled(f, set)
	if len(choices) == 1 && choices[0].when == "true" {
		v := choices[0].value
		return choose(anyOf(append(unless, s.conflictsIn(f, bare, v)...)...), none, of(v))
	}
	expression := none
	for _, c := range slices.Backward(choices) {
		then := none
		if !c.left {
			then = choose(anyOf(s.conflictsIn(f, bare, c.value)...), none, of(c.value))
		}
		if c.when != "true" && then != none && then != of(c.value) {
			then = "(" + then + ")"
		}
		expression = choose(c.when, then, expression)
	}
	return choose(anyOf(unless...), none, expression)
}

// injected returns the condition that the field is filled in in the container c.
func (s *scope) injected(f *defaults.Field, t defaults.ContainerType, bare bool) string {
	if len(s.choices(f, t)) == 0 {
		return "false"
	}
	return s.decision(f, t, bare, setIn(f, bare), func(defaults.Value) string { return "true" }, "false")
}

// inherits returns the condition that the container c takes the value of the Pod: it does not
// set the field, and gets none.
func (s *scope) inherits(f *defaults.Field, t defaults.ContainerType) string {
	in := func(bare bool) string {
		set := "false"
		if !bare && f.Levels&defaults.ContainerLevel != 0 {
			set = isSet("c.securityContext", f)
		}
		return allOf(not(set), not(s.injected(f, t, bare)))
	}
	return eitherWay(in(false), in(true))
}

// settledAtPodLevel returns the conditions under which the default is not filled in at pod
// level.
func (s *scope) settledAtPodLevel(d defaults.Default) []string {
	f := d.Field
	conditions := []string{isSet("variables.pod", f), s.leftAtPodLevel(f), s.requested(f), otherOS(f)}
	for i, conflict := range conflictsOf(f) {
		if concerns := f.Conflicts[i].Concerns; concerns != nil && !concerns(d.Value) {
			continue
		}
		if conflict.onPod != nil {
			conditions = append(conditions, conflict.onPod(s, d.Value))
		}
		conditions = append(conditions, s.conflictsByInheritance(d, conflict, f.Conflicts[i].NoEffect))
	}
	return conditions
}

// conflictsByInheritance returns the condition that a container which would inherit the value
// conflicts with it; for a conflict without effect, that all do.
func (s *scope) conflictsByInheritance(d defaults.Default, conflict conflict, noEffect bool) string {
	holds := conflict.inContainer
	if conflict.inherited != nil {
		holds = conflict.inherited
	}
	if holds == nil {
		return ""
	}
	conflicting := eitherWay(holds(s, false, d.Value), holds(s, true, d.Value))
	if conflicting == "" || conflicting == "false" {
		return ""
	}
	var exists, all []string
	for _, l := range s.decided {
		inherits := s.inherits(d.Field, l.ofType)
		if !noEffect {
			exists = append(exists, l.exists(allOf(inherits, conflicting)))
			continue
		}
		exists = append(exists, l.exists(inherits))
		all = append(all, l.all(anyOf(not(inherits), conflicting)))
	}
	if !noEffect {
		return anyOf(exists...)
	}
	return allOf(append([]string{anyOf(exists...)}, all...)...)
}

// leftAtPodLevel returns the condition that an exception leaves the field for a container that
// would inherit it.
func (s *scope) leftAtPodLevel(f *defaults.Field) string {
	var conditions []string
	for _, l := range s.decided {
		left := "false"
		for i, e := range slices.Backward(s.profile.Exceptions) {
			if !canMatch(&e, l.ofType) {
				continue
			}
			if slices.Contains(e.Leave, f) {
				left = anyOf(inException(i), left)
			} else if _, given := defaults.FindDefault(e.Container, f); given {
				left = allOf(not(inException(i)), left)
			}
		}
		if left != "false" {
			conditions = append(conditions, l.exists(allOf(s.inherits(f, l.ofType), left)))
		}
	}
	return anyOf(conditions...)
}

// podSets returns the condition that the Pod sets the field, or that the profile fills it in.
func (s *scope) podSets(name string) string {
	f := defaults.FieldByName(name)
	conditions := []string{isSet("variables.pod", f)}
	if d, found := defaults.FindDefault(s.profile.Pod, f); found {
		conditions = append(conditions, not("("+anyOf(s.settledAtPodLevel(d)...)+")"))
	}
	return anyOf(conditions...)
}
