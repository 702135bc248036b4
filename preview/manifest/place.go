// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Place is where a value stands in an object, such as a pod template, or where one
// could stand.
type Place struct {
	key     string           // the last part of the name, in an object
	Name    string           // for people: "spec.template"
	Pointer jsontext.Pointer // from the object
	Text    jsontext.Value   // nil where there is no value
	Err     error            // why the value cannot be found
}

// Templates returns the places of the pod templates of an object, in their order. An object of a known
// kind that has none has one place without a text. False is for other kinds.
func (o *Object) Templates() (places []Place, known bool) {
	if kind, found := kindOf(o.APIVersion, o.Kind); found {
		p := Place{Name: strings.Join(kind.Path, ".")}
		for _, name := range kind.Path {
			p.Pointer = p.Pointer.AppendToken(name)
		}
		p.Text, p.Err = kind.Template(p.Name, o.Raw)
		return []Place{p}, true
	}
	kind, found := customKindOf(o.APIVersion, o.Kind)
	if !found {
		return nil, false
	}
	for _, path := range kind.paths {
		places = append(places, Place{Text: o.Raw}.below(strings.Split(path, "."))...)
	}
	if len(places) == 0 {
		places = []Place{{Name: kind.paths[0], Pointer: "/spec"}}
	}
	return places, true
}

// below returns the places that a path leads to, as far as there is something.
func (p Place) below(path []string) []Place {
	switch {
	case len(p.Text) == 0 || p.Text.Kind() == 'n':
		return nil
	case len(path) == 0:
		return []Place{p}
	}
	var found []Place
	for _, next := range append(p.members(), p.items()...) {
		if path[0] == "*" || path[0] == next.key {
			found = append(found, next.below(path[1:])...)
		}
	}
	return found
}

// around returns the objects around the pod template of a kind of the Kubernetes API,
// from the outermost.
func around(o *Object) []Place {
	kind, _ := kindOf(o.APIVersion, o.Kind)
	var found []Place
	for i := range kind.Path {
		found = append(found, Place{Text: o.Raw}.below(kind.Path[:i])...)
	}
	return found
}

// members returns the members of an object in the order of their names; none of another
// value.
func (p Place) members() []Place {
	var members map[string]jsontext.Value
	if p.Text.Kind() != '{' || jsonv2.Unmarshal(p.Text, &members) != nil {
		return nil
	}
	var found []Place
	for _, name := range slices.Sorted(maps.Keys(members)) {
		found = append(found, Place{
			key: name, Name: strings.TrimPrefix(p.Name+"."+name, "."),
			Pointer: p.Pointer.AppendToken(name), Text: members[name],
		})
	}
	return found
}

// items returns the items of a list; none of another value.
func (p Place) items() []Place {
	var items []jsontext.Value
	if p.Text.Kind() != '[' || jsonv2.Unmarshal(p.Text, &items) != nil {
		return nil
	}
	var found []Place
	for i, item := range items {
		found = append(found, Place{
			Name: fmt.Sprintf("%s[%d]", p.Name, i), Pointer: p.Pointer.AppendToken(fmt.Sprint(i)), Text: item,
		})
	}
	return found
}
