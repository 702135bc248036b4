// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/caseharden/caseharden/defaults"
)

// readException reads one exception of a profile file. It returns false if errors
// leave open which fields the exception fills in.
func readException(at value) (e exceptionSource, ok bool) {
	members := at.only("match", "leave", "container", "writablePaths", "reason", "owner", "reviewBy")
	e.Place = fmt.Sprintf("%s:%d", at.file, at.node.Line)
	if match, found := members["match"]; found {
		e.Match = readMatch(match)
	} else {
		at.errorf("match: must be set, and say which containers are meant")
	}
	if reason, found := members["reason"]; found {
		e.Reason = reason.line("a sentence that says why")
	} else {
		at.errorf("reason: must be set: it is shown where the exception applies")
	}
	if owner, found := members["owner"]; found {
		e.Owner = owner.line("who answers for the exception")
	}
	if reviewBy, found := members["reviewBy"]; found {
		e.ReviewBy = readDate(reviewBy)
	}
	leave, leaves := members["leave"]
	container, gives := members["container"]
	paths, mounts := members["writablePaths"]
	if !leaves && !gives && !mounts {
		at.errorf("must have leave, the fields that get no default, container, other defaults, or writablePaths")
	}
	if mounts {
		e.WritablePaths, e.writablePathsAt = readWritablePaths(paths), paths
	}
	if leaves {
		e.Leave, e.leaveAt = readFields(leave)
	}
	before := len(*at.problems)
	if gives {
		e.readContainer(container)
	}
	return e, len(*at.problems) == before
}

func (e *exceptionSource) readContainer(at value) {
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

// readDate reads a day.
func readDate(at value) string {
	node := at.resolved()
	// YAML takes a plain text for a time if there is such a day.
	plain := yaml.Node{Kind: yaml.ScalarNode, Value: node.Value}
	if node.Kind != yaml.ScalarNode || len(node.Value) != len("2027-06-30") || plain.ShortTag() != "!!timestamp" {
		const day = "must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is "
		if node.Kind == yaml.ScalarNode && node.Value != "" {
			at.errorf("%s%.40q", day, node.Value) // as it is written: JSON has a time for some
		} else {
			at.errorf("%s%s", day, at.shown())
		}
		return ""
	}
	return node.Value
}

// isTrue reads a criterion that can only be true, if it is there.
func isTrue(members map[string]value, name string) bool {
	at, found := members[name]
	if !found {
		return false
	}
	if node := at.resolved(); node.Tag != "!!bool" || node.Value != "true" {
		at.must("true: leave it out for the others")
	}
	return true
}

// readLabels reads labels that a pod must have.
func readLabels(at value) map[string]string {
	labels := map[string]string{}
	members := at.members()
	if len(members) == 0 && at.resolved().Kind == yaml.MappingNode {
		at.must("an object of labels, such as {app.kubernetes.io/name: jenkins}")
	}
	for _, m := range members {
		node := m.resolved()
		if problems := validation.IsQualifiedName(m.name); len(problems) > 0 {
			m.errorf("must have the name of a label: %s", strings.Join(problems, "; "))
		}
		if node.Kind != yaml.ScalarNode || node.Tag != "!!str" || len(validation.IsValidLabelValue(node.Value)) > 0 {
			m.must("the value of a label: a string of at most 63 letters, digits, -, _ and ., which begins and ends with a letter or digit, or is empty")
		}
		labels[m.name] = node.Value
	}
	return labels
}

func readMatch(at value) defaults.Match {
	var m defaults.Match
	criteria := []string{"containers", "containerTypes", "privileged", "addsCapabilities", "runAsNonRoot", "podLabels", "images"}
	members := at.only(criteria...)
	if len(members) == 0 {
		at.must("an object that says which containers are meant, by one or more of " + strings.Join(criteria, ", "))
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
	m.Privileged = isTrue(members, "privileged")
	m.AddsCapabilities = isTrue(members, "addsCapabilities")
	m.RunAsNonRoot = isTrue(members, "runAsNonRoot")
	if labels, found := members["podLabels"]; found {
		m.PodLabels = readLabels(labels)
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
