// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/defaults"
)

// The settings that are filled in are a list of maps, one for each container: the keys are JSON
// pointers below securityContext, without the slash at their beginning. That one form is what
// the patch and the record are made from.

// hasContainerDefaults reports whether containers of the type can get anything.
func (s *scope) hasContainerDefaults(t defaults.ContainerType) bool { return len(s.fieldsOf(t)) > 0 }

// fieldsOf returns the names of the fields that containers of the type can get.
func (s *scope) fieldsOf(t defaults.ContainerType) []string {
	var names []string
	for _, f := range defaults.Fields() {
		if len(s.choices(f, t)) > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// settings returns the variable of what the containers of a list get.
func (s *scope) settings(l containerList) variable {
	return variable{
		name:       l.ofType.List(),
		comment:    "What each of the " + string(l.ofType) + " containers gets, by the place below its securityContext.",
		expression: l.list() + ".map(c, !has(c.securityContext) ? {\n" + s.members(l.ofType, true) + "}\n: {\n" + s.members(l.ofType, false) + "})",
	}
}

// members returns the members of the map for a container c, each with the condition under which
// it is there.
func (s *scope) members(t defaults.ContainerType, bare bool) string {
	var b strings.Builder
	for _, f := range defaults.Fields() {
		if len(s.choices(f, t)) == 0 {
			continue
		}
		object, name, nested := strings.Cut(f.Name, ".")
		if !nested {
			b.WriteString(s.member(f, t, bare, f.Name, setIn(f, bare), func(v defaults.Value) string { return literal(v.JSON) }))
			continue
		}
		// The object around the field is added with it, if the container does not have it.
		has := "has(c.securityContext." + object + ")"
		within := func(v defaults.Value) string { return "{" + quote(name) + ": " + literal(v.JSON) + "}" }
		if bare {
			b.WriteString(s.member(f, t, bare, object, "", within))
			continue
		}
		b.WriteString(s.member(f, t, bare, object, has, within))
		set := anyOf("!"+has, "has(c.securityContext."+f.Name+")")
		b.WriteString(s.member(f, t, bare, object+"/"+name, set, func(v defaults.Value) string { return literal(v.JSON) }))
	}
	return b.String()
}

// member returns a member of the map, which is not there under the condition set.
func (s *scope) member(f *defaults.Field, t defaults.ContainerType, bare bool, key, set string, value func(defaults.Value) string) string {
	const none = "optional.none()"
	of := func(v defaults.Value) string { return "optional.of(dyn(" + value(v) + "))" }
	expression := s.decision(f, t, bare, set, of, none)
	if always, found := strings.CutPrefix(expression, "optional.of("); found && !strings.Contains(expression, " ? ") {
		return fmt.Sprintf("  %s: %s,\n", quote(key), strings.TrimSuffix(always, ")"))
	}
	return fmt.Sprintf("  ?%s: %s,\n", quote(key), expression)
}

// podSettings returns the variable of what the Pod gets itself, by the place below its
// securityContext.
func (s *scope) podSettings() variable {
	var b strings.Builder
	b.WriteString("{\n")
	for _, d := range s.profile.Pod {
		b.WriteString(fmt.Sprintf("  ?%s: %s,\n", quote(d.Field.Name),
			choose(anyOf(s.settledAtPodLevel(d)...), "optional.none()", "optional.of(dyn("+literal(d.Value.JSON)+"))")))
	}
	b.WriteString("}")
	return variable{name: "podSettings", comment: "What the Pod gets itself, by the place below its securityContext.", expression: b.String()}
}

// nameOf returns an expression for the name of a field whose place is k.
func nameOf(p *defaults.Profile) string {
	expression := "k"
	for _, f := range defaults.Fields() {
		object, _, nested := strings.Cut(f.Name, ".")
		if nested && given(p, f) {
			expression = choose("k.startsWith("+quote(object)+")", quote(f.Name), expression)
		}
	}
	return expression
}

// given reports whether the profile has a value for the field in containers.
func given(p *defaults.Profile, f *defaults.Field) bool {
	if _, found := defaults.FindDefault(p.Container, f); found {
		return true
	}
	for i := range p.Exceptions {
		if _, found := defaults.FindDefault(p.Exceptions[i].Container, f); found {
			return true
		}
	}
	return false
}
