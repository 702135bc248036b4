// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
)

// Fields of which more is known here than that they have a value.
var (
	readOnlyRootFilesystem = defaults.FieldByName("readOnlyRootFilesystem")
	runAsNonRoot           = defaults.FieldByName("runAsNonRoot")
	runAsUser              = defaults.FieldByName("runAsUser")
)

// A need is what all containers of one name and one image need together.
type need struct {
	base   *defaults.Profile
	leave  map[*defaults.Field]bool
	values map[*defaults.Field]string // JSON
	paths  map[string]bool
	asked  map[*defaults.Field]map[string]*few // images, by the value that they need

	origin
}

// origin is where a need comes from.
type origin struct {
	reasons                                  reasons
	images, sources, workloads, capabilities few
}

func (o *origin) addAll(other *origin) {
	o.reasons.add(other.reasons...)
	o.images.addAll(other.images)
	o.sources.addAll(other.sources)
	o.workloads.addAll(other.workloads)
	o.capabilities.addAll(other.capabilities)
}

func newNeed(base *defaults.Profile) *need {
	return &need{
		base: base, leave: map[*defaults.Field]bool{}, values: map[*defaults.Field]string{}, paths: map[string]bool{},
		asked: map[*defaults.Field]map[string]*few{},
	}
}

// add adds what a finding calls for. It returns why that is nothing, where it is nothing.
//
//	the finding                                   what it calls for
//	fits                                          nothing, and nothing is left open
//	nothing is known                              nothing
//	an exception is known that a profile can say  that
//	it is proven                                  to leave the settings that it names
//	a risk of high severity                       to leave them, and runAsNonRoot with runAsUser: the
//	                                              image may run as root
//	otherwise                                     nothing: it may be wrong, and the way is not known
func (n *need) add(c Container, f evidence.Finding) (why string) {
	if f.Verdict == evidence.Fits {
		return ""
	}
	if f.Verdict != evidence.Breaks && f.Verdict != evidence.Risk {
		return "nothing shows whether an exception is needed"
	}
	wanted := n.wanted(c, f.Exception)
	if wanted.isEmpty() && (f.Verdict == evidence.Breaks || f.Severity == evidence.High) {
		settings := f.Settings
		if f.Verdict == evidence.Risk && slices.Contains(settings, runAsUser.Name) {
			settings = append(slices.Clone(settings), runAsNonRoot.Name)
		}
		wanted = n.wanted(c, &evidence.Exception{Leave: settings})
	}
	switch {
	case !wanted.isEmpty():
	case f.Exception != nil && len(f.Exception.Add) > 0:
		return "only the author can add the capabilities " + strings.Join(f.Exception.Add, ", ")
	default:
		return n.toYou(c, f)
	}
	n.merge(wanted, c.Image)
	if f.Exception != nil {
		n.capabilities.add(f.Exception.Add...)
	}
	n.describe(c, f)
	return ""
}

// toYou says what an exception would leave for a risk that may be wrong.
func (n *need) toYou(c Container, f evidence.Finding) string {
	left := n.wanted(c, &evidence.Exception{Leave: f.Settings})
	if left.isEmpty() {
		return "no exception of this profile changes it"
	}
	return "it may be wrong; to be safe, leave " + strings.Join(namesOf(left.leftInOrder()), ", ")
}

// wanted returns what an exception asks for, as far as a profile can say it, and the
// container gets something that it is about.
func (n *need) wanted(c Container, e *evidence.Exception) *need {
	wanted := newNeed(n.base)
	if e == nil {
		return wanted
	}
	for _, name := range e.Leave {
		if f := defaults.FieldByName(name); f != nil {
			wanted.leaveIfInjected(c, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Container)) {
		wanted.setValue(c, name, string(e.Container[name]))
	}
	if n.injected(c, readOnlyRootFilesystem) {
		for _, path := range e.WritablePaths {
			if profile.IsMountable(path) {
				wanted.paths[path] = true
			} else {
				wanted.leave[readOnlyRootFilesystem] = true
			}
		}
	}
	wanted.settle()
	return wanted
}

// setValue notes another value for a field of containers. What no profile may give is left
// to the author and the image: user 0 with all that keeps it from running.
func (n *need) setValue(c Container, name, value string) {
	f := defaults.FieldByName(name)
	switch {
	case f == nil || f.Levels&defaults.ContainerLevel == 0 || f.AuthorOnly:
	case profile.Allows(f, []byte(value)):
		n.values[f] = value
	default:
		fields := []*defaults.Field{f}
		if f == runAsUser && value == "0" {
			fields = append(fields, runAsNonRoot)
		}
		for _, f := range fields {
			n.leaveIfInjected(c, f)
		}
	}
}

// leaveIfInjected leaves a field that the container would get.
func (n *need) leaveIfInjected(c Container, f *defaults.Field) {
	if n.injected(c, f) {
		n.leave[f] = true
	}
}

// injected reports whether the container, or its Pod, gets a default for the field.
func (n *need) injected(c Container, f *defaults.Field) bool {
	return n.base.Fills(f) && (c.Injected == nil || slices.Contains(c.Injected, f.Name))
}

// settle removes what has no effect beside the fields that are left.
func (n *need) settle() {
	maps.DeleteFunc(n.values, func(f *defaults.Field, _ string) bool { return n.leave[f] })
	if n.leave[readOnlyRootFilesystem] || len(n.paths) > profile.MaxWritablePaths {
		if len(n.paths) > 0 {
			n.leave[readOnlyRootFilesystem] = true
		}
		clear(n.paths)
	}
}

func (n *need) isEmpty() bool { return len(n.leave)+len(n.values)+len(n.paths) == 0 }

// key is the same for needs that one exception can answer.
func (n *need) key() string {
	var key strings.Builder
	for _, f := range n.leftInOrder() {
		fmt.Fprintf(&key, "%s left\n", f.Name)
	}
	for _, v := range n.valuesInOrder() {
		fmt.Fprintf(&key, "%s %s\n", v.Field.Name, v.JSON)
	}
	for _, path := range slices.Sorted(maps.Keys(n.paths)) {
		fmt.Fprintf(&key, "%q\n", path)
	}
	return key.String()
}

// describe notes what the exception is for.
func (n *need) describe(c Container, f evidence.Finding) {
	text := f.What
	if len(f.Evidence) > 0 && f.Evidence[0].Text != "" {
		text = f.Evidence[0].Text
	}
	n.reasons.add(reason{text, rankOf(f)})
	image := c.Image
	if c.Digest != "" && !strings.Contains(image, "@") {
		image += "@" + c.Digest
	}
	n.images.add(image)
	n.workloads.add(c.Workload)
	for _, item := range f.Evidence {
		source := string(item.Source)
		if item.Where != "" {
			source += " " + item.Where
		}
		n.sources.add(source)
	}
}

// addTo adds the need to an exception.
func (n *need) addTo(e *Exception) {
	e.origin.addAll(&n.origin)
	e.Reason = e.reasons.line()
	e.Leave, e.Values = n.leftInOrder(), n.valuesInOrder()
	e.WritablePaths = slices.Sorted(maps.Keys(n.paths))
}

func (n *need) leftInOrder() (fields []*defaults.Field) {
	for _, f := range defaults.Fields() {
		if n.leave[f] {
			fields = append(fields, f)
		}
	}
	return fields
}

func (n *need) valuesInOrder() (values []Value) {
	for _, f := range defaults.Fields() {
		if value, given := n.values[f]; given {
			values = append(values, Value{f, value})
		}
	}
	return values
}

func namesOf(fields []*defaults.Field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}
