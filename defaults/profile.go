// SPDX-License-Identifier: Apache-2.0

package defaults

import "github.com/go-json-experiment/json/jsontext"

// A Profile is a named set of defaults.
type Profile struct {
	Name          string
	File          string    // that it was read from; empty for a built-in profile
	Container     []Default // filled in on each container, in the order of [Fields]
	Pod           []Default // filled in at pod level, in the order of [Fields]
	WritablePaths []WritablePath
	Exceptions    []Exception // of those that match a container, the first that names a field decides on it
	SelfService   []*Field    // that authors of pods may ask to leave, by [LeaveAnnotation]; in the order of [Fields]

	// RepositoryOf returns the repository of an image, as a container names it, in
	// the form that the image patterns of the exceptions match; "" if the name is none.
	// It must be set where there are such patterns. At one level it is called at most
	// once for a container.
	RepositoryOf func(image string) string
}

// A Default is a field with the value that a profile gives it.
type Default struct {
	Field *Field
	Value Value

	// Exception is what gives the value, or leaves the field, for some containers
	// only; nil is the profile itself.
	Exception *Exception
	Excepted  bool // the exception keeps the field unset
}

// A Value is what a profile gives a field, in two forms of the same thing.
type Value struct {
	JSON  jsontext.Value // as it goes into the pod
	Typed any            // as the field of the API type holds it: *bool, []corev1.Capability, …
}

// A WritablePath is a directory to keep writable in containers whose root file
// system the profile makes read-only.
type WritablePath struct {
	Path      string `json:"path"`                // absolute and clean
	SizeLimit string `json:"sizeLimit,omitempty"` // a quantity, in its canonical form; empty: no limit
}

// at returns the defaults of a level.
func (p *Profile) at(level Level) []Default {
	if level == PodLevel {
		return p.Pod
	}
	return p.Container
}
