// SPDX-License-Identifier: Apache-2.0

package defaults

import "slices"

// A Level is a place where a pod carries a security context. The values are
// bits: a field may exist at both levels.
type Level uint8

// The levels.
const (
	ContainerLevel Level = 1 << iota // spec.containers[*].securityContext, and the init and ephemeral ones
	PodLevel                         // spec.securityContext
)

// An OS is the operating system that a field is for.
type OS string

// The operating systems, spelt as in spec.os.name. The zero value is any.
const (
	Linux   OS = "linux"
	Windows OS = "windows"
)

// A Field is one leaf of a SecurityContext or PodSecurityContext that a profile
// can give a default. Its parts are data, so that tests, metrics and documents
// can be derived from the catalogue.
type Field struct {
	Name   string // path below securityContext, in the API's words: "runAsNonRoot", "capabilities.drop"
	Levels Level  // where the API has it
	OS     OS     // the only operating system whose pods may have it; empty: any

	// AuthorOnly marks a field for which no default could harden anything.
	AuthorOnly bool

	// Values says which values a profile may give the field.
	Values Values

	// Conflicts are looked at in order; the first that holds is the reason to skip.
	Conflicts []Conflict

	bit fieldSet // its place in a fieldSet
}

// Inherited reports whether containers that do not set the field take the pod's.
// In the API these are exactly the fields that exist at both levels.
func (f *Field) Inherited() bool { return f.Levels == ContainerLevel|PodLevel }

// A Conflict is a setting of the author's beside which a hardened value would
// be refused, or would mean nothing.
type Conflict struct {
	Reason Reason

	// When and Because say, for docs/reference.md, what the author's setting is and why
	// the value must not be injected beside it.
	When, Because string

	// Concerns reports whether a value can come into this conflict at all; nil
	// means that every value can.
	Concerns func(Value) bool

	// InContainer reports whether the value conflicts with the container's settings,
	// be it set there or inherited from the pod.
	InContainer func(*Pod, *Container, Value) bool

	// Inherited says the same of a value that the container would inherit; nil means
	// that InContainer says it too.
	Inherited func(*Pod, *Container, Value) bool

	// OnPod reports whether the value conflicts with the pod's own settings when it
	// is set at pod level.
	OnPod func(*Pod, Value) bool

	// NoEffect marks a conflict in which the value would be ignored and harm
	// nobody. At pod level it is a reason to skip only if it holds for every
	// container that would inherit, where another conflict needs only one.
	NoEffect bool
}

// conflict returns the first conflict that holds for the value in the container
// c, or at pod level where c is nil; nil when none does.
func (f *Field) conflict(pod *Pod, c *Container, v Value) *Conflict {
	for i := range f.Conflicts {
		conflict := &f.Conflicts[i]
		if conflict.Concerns != nil && !conflict.Concerns(v) {
			continue
		}
		if c != nil && conflict.InContainer != nil && conflict.InContainer(pod, c, v) ||
			c == nil && conflict.holdsAtPodLevel(f, pod, v) {
			return conflict
		}
	}
	return nil
}

// holdsAtPodLevel looks at the pod's own settings, and at all the containers
// that would inherit the value because they do not set the field.
func (conflict *Conflict) holdsAtPodLevel(f *Field, pod *Pod, v Value) bool {
	if conflict.OnPod != nil && conflict.OnPod(pod, v) {
		return true
	}
	conflicts := conflict.InContainer
	if conflict.Inherited != nil {
		conflicts = conflict.Inherited
	}
	if conflicts == nil {
		return false
	}
	inheriting, conflicting := 0, 0
	for i := range pod.Containers {
		c := &pod.Containers[i]
		if c.SecurityContext.Sets(f) {
			continue
		}
		inheriting++
		if conflicts(pod, c, v) {
			conflicting++
		}
	}
	if conflict.NoEffect {
		return inheriting > 0 && conflicting == inheriting
	}
	return conflicting > 0
}

// conflictReasons returns, each once, the reasons that conflict can give for
// this value at this level.
func (f *Field) conflictReasons(level Level, v Value) []Reason {
	var reasons []Reason
	for _, conflict := range f.Conflicts {
		possible := conflict.InContainer != nil || level == PodLevel && conflict.OnPod != nil
		if conflict.Concerns != nil && !conflict.Concerns(v) {
			possible = false
		}
		if possible && !slices.Contains(reasons, conflict.Reason) {
			reasons = append(reasons, conflict.Reason)
		}
	}
	return reasons
}

// A fieldSet is a set of fields of the catalogue.
type fieldSet uint32

// numbered gives each field its bit.
func numbered(fields ...*Field) []*Field {
	for i, f := range fields {
		f.bit = 1 << i
	}
	return fields
}
