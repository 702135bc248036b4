// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"iter"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
)

// LeaveAnnotation is the annotation on a pod by which its author asks to leave fields:
//
//	caseharden.io/leave: capabilities.drop, readOnlyRootFilesystem
//
// It counts for the fields of [Profile.SelfService], in all containers and at pod level.
const LeaveAnnotation = "caseharden.io/leave"

// leaveNames yields the names in the annotation, as they are written. There may be
// anything in it.
func (p *Pod) leaveNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(p.Annotations[LeaveAnnotation]) > validation.TotalAnnotationSizeLimitB {
			return // the API server refuses the pod
		}
		for name := range strings.SplitSeq(p.Annotations[LeaveAnnotation], ",") {
			if name = strings.TrimSpace(name); name != "" && !yield(name) {
				return
			}
		}
	}
}

// requested returns the fields that the author of the pod asks to leave, as far as the
// profile lets authors do so.
func (p *Profile) requested(pod *Pod) (fields fieldSet) {
	if len(p.SelfService) == 0 {
		return 0
	}
	for name := range pod.leaveNames() {
		if f := fieldByName[name]; f != nil && slices.Contains(p.SelfService, f) {
			fields |= f.bit
		}
	}
	return fields
}

// A Refusal is a name in [LeaveAnnotation] that has no effect.
type Refusal struct {
	Name  string // as the annotation has it
	Field *Field // it stays a default; nil: no field that a profile can fill in has the name
}

// maxUnknown is how many names that are none of a field are told of one pod.
const maxUnknown = 8

// Refusals returns what the annotation of the pod asks for in vain, each name once: fields
// that the profile fills in and does not leave to authors, and names that are none of a
// field. A field that the profile does not fill in at all is left anyway.
func (p *Profile) Refusals(pod *Pod) []Refusal {
	if _, asks := pod.Annotations[LeaveAnnotation]; !asks {
		return nil
	}
	var all []Refusal
	unknown := 0
	for name := range pod.leaveNames() {
		f := fieldByName[name]
		if f != nil && f.AuthorOnly {
			f = nil
		}
		switch {
		case slices.ContainsFunc(all, func(r Refusal) bool { return r.Name == name }):
		case f != nil && (slices.Contains(p.SelfService, f) || !p.Fills(f)):
		case f != nil:
			all = append(all, Refusal{name, f})
		case unknown < maxUnknown:
			unknown++
			all = append(all, Refusal{name, nil})
		}
	}
	return all
}

// Fills reports whether the profile has a default for the field, for any container or at
// pod level.
func (p *Profile) Fills(f *Field) bool {
	in := func(some []Default) bool { _, found := FindDefault(some, f); return found }
	return in(p.Container) || in(p.Pod) || slices.ContainsFunc(p.Exceptions, func(e Exception) bool { return in(e.Container) })
}
