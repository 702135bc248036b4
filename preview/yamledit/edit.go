// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// A branch is what is to be added to a node and below it.
type branch struct {
	value    *yaml.Node // what is put there; nil: something is there already
	names    []string   // of the children, in the order of the additions
	children map[string]*branch
	appended []*yaml.Node // after the items of a list
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// fold makes one tree of the additions.
func fold(additions []Addition) (*branch, error) {
	root := &branch{}
	for _, a := range additions {
		value, err := toNode(a.Value)
		if err != nil {
			return nil, &Error{Message: fmt.Sprintf("the value for %q: %v", a.Pointer, err)}
		}
		names := strings.Split(a.Pointer, "/")
		if len(names) < 2 || names[0] != "" {
			return nil, &Error{Message: fmt.Sprintf("%q points at no member", a.Pointer)}
		}
		parent, last := root, len(names)-1
		for _, name := range names[1:last] {
			parent = parent.child(unescape.Replace(name))
		}
		if names[last] == "-" {
			parent.appended = append(parent.appended, value)
			continue
		}
		e := parent.child(unescape.Replace(names[last]))
		if e.value != nil || e.names != nil || e.appended != nil {
			return nil, &Error{Message: fmt.Sprintf("%q is added twice", a.Pointer)}
		}
		e.value = value
	}
	return root, nil
}

func (e *branch) child(name string) *branch {
	c := e.children[name]
	if c == nil {
		if e.children == nil {
			e.children = map[string]*branch{}
		}
		c = &branch{}
		e.children[name] = c
		e.names = append(e.names, name)
	}
	return c
}

// whole returns the value of a branch where nothing is yet, with what is added
// below it.
func (e *branch) whole() (*yaml.Node, error) {
	n := e.value
	switch {
	case n == nil && e.appended != nil:
		n = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	case n == nil:
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	if e.names != nil && n.Kind != yaml.MappingNode || e.appended != nil && n.Kind != yaml.SequenceNode {
		return nil, &Error{Message: "members are added to what cannot have them"}
	}
	added := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style, Content: slices.Concat(n.Content, e.appended)}
	for _, name := range e.names {
		if members(n, name) != nil {
			return nil, &Error{Message: fmt.Sprintf("%q is added twice", name)}
		}
		child := e.children[name]
		if child.value == nil {
			return nil, &Error{Message: fmt.Sprintf("there is no %q to add to", name)}
		}
		value, err := child.whole()
		if err != nil {
			return nil, err
		}
		added.Content = append(added.Content, text(name), value)
	}
	return added, nil
}

// members returns the indices of the values that a mapping has under a name.
func members(mapping *yaml.Node, name string) (at []int) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			at = append(at, i+1)
		}
	}
	return at
}

func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func toNode(value any) (*yaml.Node, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	p := jsonParser{decoder: jsontext.NewDecoder(bytes.NewReader(encoded))}
	return p.node()
}
