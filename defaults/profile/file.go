// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
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
	at         place // the document
	baseAt     place

	container, pod map[*defaults.Field]setting
	writablePaths  []defaults.WritablePath
	exceptions     []exceptionSource
	selfService    []*defaults.Field

	// null in the file: nothing of what the base has.
	noWritablePaths, noExceptions, noSelfService bool
	writablePathsAt, exceptionsAt, selfServiceAt place
	selfServicePlaces                            []place // of each field

	// Errors leave open which fields the profile fills in.
	uncertain bool
}

// A setting is what a file says of a field: a value, or that it has none.
type setting struct {
	at      place
	value   defaults.Value
	removes bool
}

type exceptionSource struct {
	defaults.Exception
	leaveAt         []place
	writablePathsAt place
}

// readSource reads one document and reports its errors. It returns nil if the
// document is no profile at all.
func readSource(document place) *source {
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
func isProfile(document place) bool {
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

func readName(at place) string {
	name := at.text("the name of the profile")
	if name != "" && (len(name) > MaxName || len(validation.IsDNS1123Label(name)) > 0) {
		at.must(fmt.Sprintf("at most %d lower case letters, digits and dashes, and begin and end with a letter or digit", MaxName))
	}
	return name
}

func (s *source) readSpec(spec place) {
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
func readFields(at place) (fields []*defaults.Field, places []place) {
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

// readSettings reads a SecurityContext or a PodSecurityContext.
func readSettings(at place, level defaults.Level) map[*defaults.Field]setting {
	settings := map[*defaults.Field]setting{}
	names := namesAt(level)
	for _, m := range at.members() {
		switch {
		case strings.Contains(m.name, "."):
			m.errorf("unknown field: what is in an object is written so: capabilities: {drop: [ALL]}")
			continue
		case m.name != "capabilities" || level != defaults.ContainerLevel:
			readSetting(settings, m, m.name, level, names)
			continue
		case m.isNull():
			m.errorf("must be an object: it is capabilities.drop that null removes, as in capabilities: {drop: null}")
			continue
		}
		for _, c := range m.members() {
			readSetting(settings, c, m.name+"."+c.name, level, names)
		}
	}
	return settings
}

func readSetting(settings map[*defaults.Field]setting, m member, name string, level defaults.Level, known []string) {
	f := defaults.FieldByName(name)
	switch {
	case f == nil:
		m.unknown(name, known)
	case f.AuthorOnly:
		m.errorf("must not be set: only the author of a pod may")
	case f.Levels&level == 0 && level == defaults.ContainerLevel:
		m.errorf("is a field of the pod: set it under spec.pod")
	case f.Levels&level == 0:
		m.errorf("is a field of containers: set it under spec.container")
	case m.isNull():
		settings[f] = setting{at: m.place, removes: true}
	default:
		if value, ok := readValue(m.place, f); ok {
			settings[f] = setting{at: m.place, value: value}
		}
	}
}

// readValue reads a value that a profile may give the field.
func readValue(at place, f *defaults.Field) (defaults.Value, bool) {
	if raw, err := at.json(); err == nil {
		if typed, allowed := typedValue(f, raw); allowed {
			return valueOf(typed), true
		}
	}
	at.must(f.Values.Must)
	return defaults.Value{}, false
}

// Allows reports whether a profile may give the field a value, which is JSON.
func Allows(f *defaults.Field, value []byte) bool {
	_, allowed := typedValue(f, value)
	return allowed
}

// typedValue returns a value as the field of the API type holds it, and whether a profile
// may give it.
func typedValue(f *defaults.Field, raw []byte) (typed any, allowed bool) {
	into := reflect.New(typeOf(f))
	if string(raw) == "null" || json.Unmarshal(raw, into.Interface(), json.RejectUnknownMembers(true)) != nil {
		return nil, false
	}
	typed = into.Elem().Interface()
	return typed, f.Values.Allow(typed)
}

func valueOf(typed any) defaults.Value {
	raw, err := json.Marshal(typed)
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling a value of the API: %s", err))
	}
	return defaults.Value{JSON: raw, Typed: typed}
}

// typeOf returns the type that the API has for a field.
func typeOf(f *defaults.Field) reflect.Type {
	object := reflect.TypeFor[corev1.SecurityContext]()
	if f.Levels&defaults.ContainerLevel == 0 {
		object = reflect.TypeFor[corev1.PodSecurityContext]()
	}
	for name := range strings.SplitSeq(f.Name, ".") {
		if object.Kind() == reflect.Pointer {
			object = object.Elem()
		}
		for i := range object.NumField() {
			if tag, _, _ := strings.Cut(object.Field(i).Tag.Get("json"), ","); tag == name {
				object = object.Field(i).Type
				break
			}
		}
	}
	return object
}

func namesAt(level defaults.Level) []string {
	var names []string
	for _, f := range defaults.Fields() {
		if f.Levels&level != 0 && !f.AuthorOnly {
			names = append(names, f.Name)
		}
	}
	return names
}

func readWritablePaths(at place) []defaults.WritablePath {
	var paths []defaults.WritablePath
	elements := at.elements("a list of {path, sizeLimit}")
	if len(elements) > MaxWritablePaths {
		at.errorf("must have at most %d paths, has %d", MaxWritablePaths, len(elements))
	}
	for _, e := range elements {
		if e.resolved().Kind != yaml.MappingNode {
			e.must("an object {path, sizeLimit}")
			continue
		}
		members := e.only("path", "sizeLimit")
		var p defaults.WritablePath
		if at, found := members["path"]; !found {
			e.errorf("path: must be set")
		} else if p.Path = at.text("a path"); p.Path != "" && !IsMountable(p.Path) {
			at.must("an absolute path without //, /./, /../, a : or a / at its end, and not /, in /dev, /proc or /sys, or one of /etc/hosts, /etc/hostname and /etc/resolv.conf")
		}
		if at, found := members["sizeLimit"]; found && !at.isNull() {
			if quantity, err := resource.ParseQuantity(at.resolved().Value); err != nil || quantity.Sign() <= 0 {
				at.must("a quantity of bytes above zero, such as 64Mi")
			} else {
				p.SizeLimit = quantity.String()
			}
		}
		if slices.ContainsFunc(paths, func(other defaults.WritablePath) bool { return other.Path == p.Path }) {
			e.errorf("path: %s is there twice", p.Path)
		}
		paths = append(paths, p)
	}
	return paths
}

// IsMountable reports whether a directory can be mounted at the path in any
// container. ValidateVolumeMounts in kubernetes/pkg/apis/core/validation refuses
// a colon; a container runtime mounts /proc, /sys and /dev itself, and the kubelet
// the files in /etc and the termination log in /dev.
func IsMountable(p string) bool {
	below := func(dir string) bool { return strings.HasPrefix(p+"/", dir+"/") }
	reserved := p == "/" || below("/dev") || below("/proc") || below("/sys") ||
		slices.Contains([]string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}, p)
	return path.IsAbs(p) && path.Clean(p) == p && !strings.ContainsAny(p, ":\x00") && len(p) < 256 && !reserved
}
