// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An editor collects what to write where, and what becomes of the tree by it.
type editor struct {
	*document
	style   style
	edits   []Edit
	actions []func()
}

// A layout is how the members of a node are written, and the path to the node.
type layout struct {
	key    *yaml.Node // in a mapping in block style, and nil anywhere else
	column int        // of that mapping
	path   string     // for errors
	step   string     // in flow style: how much further in its lines are; empty on a single line
}

// visit plans an edit of a node that is there. Splices come in the order in which
// they have to stand where two are at one offset: what is further in goes first.
func (p *editor) visit(n *yaml.Node, e *branch, in layout) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return p.fail(n, in, "is the alias *%s: adding to it would change other places, write it out first", n.Value)
	case p.aliased[n]:
		return p.fail(n, in, "is repeated in other places by the alias *%s, which would change too: write it out there first", n.Anchor)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null", n.Kind != yaml.ScalarNode && len(n.Content) == 0:
		return p.replace(n, e, in)
	case e.value != nil:
		return p.fail(n, in, "is set already")
	case n.Kind == yaml.SequenceNode:
		return p.visitSequence(n, e, in)
	case n.Kind == yaml.MappingNode:
		return p.visitMapping(n, e, in)
	}
	return p.fail(n, in, "has no members: it is neither a mapping nor a list")
}

func (p *editor) fail(n *yaml.Node, in layout, format string, args ...any) error {
	return p.errorf(n, "%s %s", cmp.Or(in.path, "the document"), fmt.Sprintf(format, args...))
}

func (p *editor) visitMapping(n *yaml.Node, e *branch, in layout) error {
	if e.appended != nil {
		return p.fail(n, in, "is a mapping and no list")
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode {
			return p.fail(n.Content[i], in, "has a key that is no string")
		}
	}
	inside := p.inside(n)
	added := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range e.names {
		child, at := e.children[name], members(n, name)
		switch {
		case len(at) > 1:
			return p.fail(n.Content[at[1]], in, "has %q twice", name)
		case len(at) == 1:
			inside.path = strings.TrimPrefix(in.path+"."+name, ".")
			if n.Style&yaml.FlowStyle == 0 {
				inside.key = n.Content[at[0]-1]
			}
			if err := p.visit(n.Content[at[0]], child, inside); err != nil {
				return err
			}
			continue
		case merges(n, name):
			return p.fail(n, in, "has %q by a merge key (<<), and what is added here would hide it: write it out first", name)
		case child.value == nil:
			return p.fail(n, in, "has no %q to add to", name)
		}
		value, err := child.whole()
		if err != nil {
			return err
		}
		added.Content = append(added.Content, text(name), value)
	}
	return p.insert(n, added, in)
}

func (p *editor) visitSequence(n *yaml.Node, e *branch, in layout) error {
	inside := p.inside(n)
	for _, name := range e.names {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(n.Content) || e.children[name].value != nil {
			return p.fail(n, in, "has no item %s to add to", name)
		}
		inside.path = in.path + "[" + name + "]"
		if err := p.visit(n.Content[i], e.children[name], inside); err != nil {
			return err
		}
	}
	return p.insert(n, &yaml.Node{Kind: yaml.SequenceNode, Content: e.appended}, in)
}

// merges says that a mapping has a member by a merge key.
func merges(n *yaml.Node, name string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() == "!!merge" {
			var all map[string]yaml.Node
			err := n.Decode(&all)
			_, found := all[name]
			return found || err != nil
		}
	}
	return false
}

// inside returns the layout of the members of a node.
func (p *editor) inside(n *yaml.Node) layout {
	if n.Style&yaml.FlowStyle == 0 {
		return layout{column: p.column(p.begin(n))}
	}
	first := n.Content[0].Column
	if !p.broken(p.begin(n), first) {
		return layout{}
	}
	step, further := strings.CutPrefix(p.indentation(first), p.indentation(p.begin(n)))
	if !further || step == "" {
		step = "  "
	}
	return layout{step: step}
}
