// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/caseharden/caseharden/defaults"
)

// The schema of a profile file.
const (
	profileAPIVersion = "caseharden.io/v1alpha1"
	profileKind       = "Profile"
)

// Bounds of what a profile may hold, so that what a pod is told, and what a patch
// adds, stays small.
const (
	// The profile is part of a webhook's name, as in enforce-hardened.caseharden.io,
	// in which each part between dots has at most 63 characters.
	MaxName          = validation.DNS1123LabelMaxLength - len("enforce-")
	MaxLine          = 200 // bytes of a reason or an owner
	MaxWritablePaths = 16  // of the profile, and of each exception
)

// A File is a file that holds profiles, one in each YAML document.
type File struct {
	Name string // for errors
	Data []byte
}

// A source is a profile as its file has it: what differs from its base.
type source struct {
	name, base string
	at         value // the document
	baseAt     value

	container, pod map[*defaults.Field]setting
	writablePaths  []defaults.WritablePath
	exceptions     []exceptionSource
	selfService    []*defaults.Field

	// null in the file: nothing of what the base has.
	noWritablePaths, noExceptions, noSelfService bool
	writablePathsAt, exceptionsAt, selfServiceAt value
	selfServicePlaces                            []value // of each field

	// Errors leave open which fields the profile fills in.
	uncertain bool
}

type exceptionSource struct {
	defaults.Exception
	leaveAt         []value
	writablePathsAt value
}

// readSource reads one document and reports its errors. It returns nil if the
// document is no profile at all.
func readSource(document value) *source {
	if !isProfile(document) {
		return nil
	}
	members := document.only("apiVersion", "kind", "metadata", "spec")
	for _, m := range []struct{ name, want string }{{"apiVersion", profileAPIVersion}, {"kind", profileKind}} {
		at, found := members[m.name]
		if !found {
			document.errorf("%s: must be %s, and is not there", m.name, m.want)
		} else if at.resolved().Value != m.want {
			at.must(m.want)
		}
	}
	s := &source{at: document, uncertain: true}
	if metadata, found := members["metadata"]; found {
		if name, found := metadata.only("name")["name"]; found {
			s.name = readName(name)
		} else {
			metadata.errorf("name: must be set")
		}
	} else {
		document.errorf("metadata.name: must be set")
	}
	if spec, found := members["spec"]; found {
		s.readSpec(spec)
	} else {
		document.errorf("spec: must be set")
	}
	return s
}

// isProfile reports whether a document is meant to be a profile. In any other
// document nothing is where a profile has it: one error says so.
func isProfile(document value) bool {
	if document.resolved().Kind != yaml.MappingNode {
		document.must("an object")
		return false
	}
	apiVersion, kind := document.peek("apiVersion"), document.peek("kind")
	group, _, _ := strings.Cut(profileAPIVersion, "/")
	switch {
	case strings.HasPrefix(apiVersion, group+"/"), apiVersion == "" && kind == profileKind:
		return true
	case apiVersion == "" || kind == "":
		document.errorf("is not a profile: must have apiVersion: %s and kind: %s", profileAPIVersion, profileKind)
	default:
		document.errorf("is a %s of %s, not a %s of %s", kind, apiVersion, profileKind, profileAPIVersion)
	}
	return false
}

func readName(at value) string {
	name := at.text("the name of the profile")
	if name != "" && (len(name) > MaxName || len(validation.IsDNS1123Label(name)) > 0) {
		at.must(fmt.Sprintf("at most %d lower case letters, digits and dashes, and begin and end with a letter or digit", MaxName))
	}
	return name
}

func (s *source) readSpec(spec value) {
	before := len(*spec.problems)
	members := spec.only("base", "container", "pod", "writablePaths", "exceptions", "selfService")
	if at, found := members["base"]; found {
		s.base, s.baseAt = at.text("the name of a profile"), at
	}
	if at, found := members["container"]; found {
		s.container = readSettings(at, defaults.ContainerLevel)
	}
	if at, found := members["pod"]; found {
		s.pod = readSettings(at, defaults.PodLevel)
	}
	s.uncertain = len(*spec.problems) > before
	if at, found := members["writablePaths"]; found {
		s.writablePathsAt = at
		if s.noWritablePaths = at.isNull(); !s.noWritablePaths {
			s.writablePaths = readWritablePaths(at)
		}
	}
	if at, found := members["exceptions"]; found {
		s.exceptionsAt = at
		if s.noExceptions = at.isNull(); !s.noExceptions {
			for _, element := range at.elements("a list of exceptions") {
				e, ok := readException(element)
				s.exceptions = append(s.exceptions, e)
				s.uncertain = s.uncertain || !ok
			}
		}
	}
	if at, found := members["selfService"]; found {
		s.selfServiceAt = at
		if s.noSelfService = at.isNull(); !s.noSelfService {
			s.selfService, s.selfServicePlaces = readFields(at)
		}
	}
}

// readFields reads a list of names of fields that a profile can fill in.
func readFields(at value) (fields []*defaults.Field, places []value) {
	for _, element := range at.elements("a list of fields, such as runAsUser or capabilities.drop") {
		name := element.text("the name of a field, such as runAsUser or capabilities.drop")
		f := defaults.FieldByName(name)
		switch {
		case name == "":
		case f == nil || f.AuthorOnly:
			element.unknown(name, slices.Compact(slices.Sorted(slices.Values(append(namesAt(defaults.ContainerLevel), namesAt(defaults.PodLevel)...)))))
		case slices.Contains(fields, f):
			element.errorf("%s is there twice", name)
		default:
			fields, places = append(fields, f), append(places, element)
		}
	}
	return fields, places
}
