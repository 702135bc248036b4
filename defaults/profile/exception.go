// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
)

// readException reads one exception of a profile file. It returns false if errors
// leave open which fields the exception fills in.
func readException(at place) (e exceptionSource, ok bool) {
	members := at.only("match", "leave", "container", "reason")
	if match, found := members["match"]; found {
		e.Match = readMatch(match)
	} else {
		at.errorf("match: must be set, and say which containers are meant")
	}
	if reason, found := members["reason"]; found {
		e.Reason = reason.text("a sentence that says why")
		if len(e.Reason) > maxReason || strings.ContainsAny(e.Reason, "\n\r\t") {
			reason.errorf("must be one line of at most %d bytes", maxReason)
		}
	} else {
		at.errorf("reason: must be set: it is shown where the exception applies")
	}
	leave, leaves := members["leave"]
	container, gives := members["container"]
	if !leaves && !gives {
		at.errorf("must have leave, the fields that get no default, or container, other defaults, or both")
	}
	if leaves {
		e.readLeave(leave)
	}
	before := len(*at.problems)
	if gives {
		e.readContainer(container)
	}
	return e, len(*at.problems) == before
}

func (e *exceptionSource) readLeave(at place) {
	for _, element := range at.elements("a list of fields, such as runAsUser or capabilities.drop") {
		name := element.text("the name of a field, such as runAsUser or capabilities.drop")
		f := defaults.FieldByName(name)
		switch {
		case name == "":
		case f == nil || f.AuthorOnly:
			element.unknown(name, slices.Compact(slices.Sorted(slices.Values(append(namesAt(defaults.ContainerLevel), namesAt(defaults.PodLevel)...)))))
		case slices.Contains(e.Leave, f):
			element.errorf("%s is there twice", name)
		default:
			e.Leave = append(e.Leave, f)
			e.leaveAt = append(e.leaveAt, element)
		}
	}
}

func (e *exceptionSource) readContainer(at place) {
	settings := readSettings(at, defaults.ContainerLevel)
	if len(at.resolved().Content) == 0 {
		at.errorf("must set a field")
	}
	for _, f := range defaults.Fields() {
		s, found := settings[f]
		switch {
		case !found:
		case s.removes:
			s.at.errorf("must not be null: to leave the field, name it under leave")
		case f == seLinuxOptions:
			s.at.errorf("must not differ between the containers of a pod: a kubelet refuses a volume that they share")
		case slices.Contains(e.Leave, f):
			s.at.errorf("is also named under leave: must be in one of them only")
		default:
			e.Container = append(e.Container, defaults.Default{Field: f, Value: s.value})
		}
	}
}

func readMatch(at place) defaults.Match {
	var m defaults.Match
	members := at.only("containers", "containerTypes", "privileged", "images")
	if len(members) == 0 {
		at.must("an object that says which containers are meant: containers, containerTypes, privileged or images")
	}
	if names, found := members["containers"]; found {
		for _, e := range names.elements("a list of container names, in which * stands for any part") {
			glob := e.text("the name of a container, in which * stands for any part")
			if _, err := path.Match(glob, ""); err != nil {
				e.must("a glob, such as istio-*")
			}
			m.Containers = append(m.Containers, glob)
		}
	}
	if types, found := members["containerTypes"]; found {
		for _, e := range types.elements("a list of init, regular or ephemeral") {
			t := defaults.ContainerType(e.resolved().Value)
			if !slices.Contains([]defaults.ContainerType{defaults.Init, defaults.Regular, defaults.Ephemeral}, t) {
				e.must("init, regular or ephemeral")
			}
			m.ContainerTypes = append(m.ContainerTypes, t)
		}
	}
	if privileged, found := members["privileged"]; found {
		if node := privileged.resolved(); node.Tag != "!!bool" || node.Value != "true" {
			privileged.must("true: leave it out for the others")
		}
		m.Privileged = true
	}
	if images, found := members["images"]; found {
		for _, e := range images.elements("a list of image repositories, such as jenkins/jenkins") {
			glob := e.text("an image repository, such as jenkins/jenkins")
			if glob == "" {
				continue
			}
			pattern, err := parseImagePattern(glob)
			if err != nil {
				e.errorf("%s, is %s", err, e.shown())
			}
			m.Images = append(m.Images, pattern)
		}
	}
	return m
}
