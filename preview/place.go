// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A place is where a value stands in an object, such as a pod template, or where one
// could stand.
type place struct {
	key     string           // the last part of the name, in an object
	name    string           // for people: "spec.template"
	pointer jsontext.Pointer // from the object
	text    jsontext.Value   // nil where there is no value
	err     error            // why the value cannot be found
}

// placesOf returns the pod templates of an object, in their order. An object of a known
// kind that has none has one place without a text. False is for other kinds.
func placesOf(o *object) (places []place, known bool) {
	if kind, found := kindOf(o.apiVersion, o.kind); found {
		p := place{name: strings.Join(kind.Path, ".")}
		for _, name := range kind.Path {
			p.pointer = p.pointer.AppendToken(name)
		}
		p.text, p.err = kind.Template(p.name, o.raw)
		return []place{p}, true
	}
	kind, found := customKindOf(o.apiVersion, o.kind)
	if !found {
		return nil, false
	}
	for _, path := range kind.paths {
		places = append(places, place{text: o.raw}.below(strings.Split(path, "."))...)
	}
	if len(places) == 0 {
		places = []place{{name: kind.paths[0], pointer: "/spec"}}
	}
	return places, true
}

// below returns the places that a path leads to, as far as there is something.
func (p place) below(path []string) []place {
	switch {
	case len(p.text) == 0 || p.text.Kind() == 'n':
		return nil
	case len(path) == 0:
		return []place{p}
	}
	var found []place
	for _, next := range append(p.members(), p.items()...) {
		if path[0] == "*" || path[0] == next.key {
			found = append(found, next.below(path[1:])...)
		}
	}
	return found
}

// around returns the objects around the pod template of a kind of the Kubernetes API,
// from the outermost.
func around(o *object) []place {
	kind, _ := kindOf(o.apiVersion, o.kind)
	var found []place
	for i := range kind.Path {
		found = append(found, place{text: o.raw}.below(kind.Path[:i])...)
	}
	return found
}

// members returns the members of an object in the order of their names; none of another
// value.
func (p place) members() []place {
	var members map[string]jsontext.Value
	if p.text.Kind() != '{' || jsonv2.Unmarshal(p.text, &members) != nil {
		return nil
	}
	var found []place
	for _, name := range slices.Sorted(maps.Keys(members)) {
		found = append(found, place{
			key: name, name: strings.TrimPrefix(p.name+"."+name, "."),
			pointer: p.pointer.AppendToken(name), text: members[name],
		})
	}
	return found
}

// items returns the items of a list; none of another value.
func (p place) items() []place {
	var items []jsontext.Value
	if p.text.Kind() != '[' || jsonv2.Unmarshal(p.text, &items) != nil {
		return nil
	}
	var found []place
	for i, item := range items {
		found = append(found, place{
			name: fmt.Sprintf("%s[%d]", p.name, i), pointer: p.pointer.AppendToken(fmt.Sprint(i)), text: item,
		})
	}
	return found
}
