// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A plan collects what to write where, and what becomes of the tree by it.
type plan struct {
	*document
	style   style
	splices []splice
	changes []func()
}

// A splice puts new text in the place of old, most often of none.
type splice struct {
	start, end int
	text       string
}

// A place is where a node stands.
type place struct {
	key    *yaml.Node // in a mapping in block style, and nil anywhere else
	column int        // of that mapping
	path   string     // for errors
	step   string     // in flow style: how much further in its lines are; empty on a single line
}

// visit plans an edit of a node that is there. Splices come in the order in which
// they have to stand where two are at one offset: what is further in goes first.
func (p *plan) visit(n *yaml.Node, e *edit, in place) error {
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

func (p *plan) fail(n *yaml.Node, in place, format string, args ...any) error {
	return p.errorf(n, "%s %s", cmp.Or(in.path, "the document"), fmt.Sprintf(format, args...))
}

func (p *plan) visitMapping(n *yaml.Node, e *edit, in place) error {
	if e.appended != nil {
		return p.fail(n, in, "is a mapping and no list")
	}
	inside := p.inside(n)
	added := &yaml.Node{Kind: yaml.MappingNode}
	members := map[string]int{} // by name, the index of the value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if _, wanted := e.children[key.Value]; !wanted || key.Kind != yaml.ScalarNode {
			continue
		}
		if _, double := members[key.Value]; double {
			return p.fail(n.Content[i], in, "has %q twice", key.Value)
		}
		members[key.Value] = i + 1
	}
	for _, name := range e.names {
		child := e.children[name]
		if i, found := members[name]; found {
			inside.path = strings.TrimPrefix(in.path+"."+name, ".")
			if n.Style&yaml.FlowStyle == 0 {
				inside.key = n.Content[i-1]
			}
			if err := p.visit(n.Content[i], child, inside); err != nil {
				return err
			}
			continue
		}
		if merges(n, name, map[*yaml.Node]bool{}) {
			return p.fail(n, in, "has %q by a merge key (<<), and what is added here would hide it: write it out first", name)
		}
		if child.value == nil {
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

func (p *plan) visitSequence(n *yaml.Node, e *edit, in place) error {
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
func merges(n *yaml.Node, name string, seen map[*yaml.Node]bool) bool {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if seen[n] {
		return false // an alias within what it stands for
	}
	seen[n] = true
	switch n.Kind {
	case yaml.SequenceNode: // of mappings, as the value of a merge key
		return slices.ContainsFunc(n.Content, func(source *yaml.Node) bool {
			return merges(source, name, seen)
		})
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Value == name || key.ShortTag() == "!!merge" && merges(value, name, seen) {
				return true
			}
		}
	}
	return false
}

// inside returns the place of the members of a node.
func (p *plan) inside(n *yaml.Node) place {
	if n.Style&yaml.FlowStyle == 0 {
		return place{column: p.column(p.begin(n))}
	}
	first := n.Content[0].Column
	if !p.broken(p.begin(n), first) {
		return place{}
	}
	step, further := strings.CutPrefix(p.indentation(first), p.indentation(p.begin(n)))
	if !further || step == "" {
		step = "  "
	}
	return place{step: step}
}

// replace puts a value where null, {}, [] or nothing is written.
func (p *plan) replace(n *yaml.Node, e *edit, in place) error {
	value, err := e.whole()
	if err != nil {
		return err
	}
	if n.Kind != yaml.ScalarNode && n.Kind != value.Kind {
		return p.fail(n, in, "is set already, to an empty value of another kind")
	}
	start, end := p.begin(n), p.end(n)
	if bytes.IndexByte(p.text[start:end], '#') >= 0 {
		return p.fail(n, in, "is empty but for a comment, which would be lost: take it out first")
	}
	p.changes = append(p.changes, func() {
		n.Kind, n.Tag, n.Value, n.Style, n.Content = value.Kind, value.Tag, value.Value, value.Style, value.Content
	})
	if in.key != nil && len(value.Content) > 0 && !p.broken(p.end(in.key), start) {
		before := len(bytes.TrimRight(p.text[:start], " \t"))
		p.splice(before, end, "")
		p.insertLines(p.nextLine(end), p.style.block(value, p.style.below(value, in.column)))
		return nil
	}
	indentation := ""
	if in.step != "" {
		indentation = p.indentation(start)
	}
	written := p.style.flow(value, indentation, in.step)
	if unwritten(n) {
		written = " " + written
	}
	p.splice(start, end, written)
	return nil
}

// insert plans members or items behind those of a collection that has some.
func (p *plan) insert(n, added *yaml.Node, in place) error {
	if len(added.Content) == 0 {
		return nil
	}
	p.changes = append(p.changes, func() { n.Content = append(n.Content, added.Content...) })
	if n.Style&yaml.FlowStyle != 0 {
		return p.insertFlow(n, added, in)
	}
	column := p.column(p.begin(n))
	at := p.nextLine(p.end(n))
	// Comments that follow at once and as far in belong to the collection: members
	// that are commented out, as a rule.
	least := column
	if n.Kind == yaml.SequenceNode && in.key != nil && in.column == column {
		least++
	}
	for {
		comment := p.while(at, " \t")
		if comment >= len(p.text) || p.text[comment] != '#' || comment-at < least {
			break
		}
		at = p.nextLine(comment)
	}
	p.insertLines(at, p.style.block(added, column))
	return nil
}

func (p *plan) insertFlow(n, added *yaml.Node, in place) error {
	if p.isPair(n) {
		return p.fail(n, in, "is a mapping without braces: put it in braces first")
	}
	last, end := p.end(n.Content[len(n.Content)-1]), p.end(n)
	comma := p.skip(last, "")
	trailing := comma < end && p.text[comma] == ','
	if trailing {
		last = comma + 1
	} else {
		p.splice(last, last, ",")
	}
	step := p.inside(n).step
	if step == "" {
		p.splice(last, last, p.style.space+strings.Join(p.style.entries(added, "", ""), ","+p.style.space))
		return nil
	}
	at := last
	if p.broken(last, end) {
		at = p.lineEnd(last)
	}
	indentation := p.indentation(n.Content[0].Column)
	before := p.style.lineBreak + indentation
	written := before + strings.Join(p.style.entries(added, indentation, step), ","+before)
	if trailing {
		written += ","
	}
	p.splice(at, at, written)
	return nil
}

func (p *plan) splice(start, end int, text string) {
	p.splices = append(p.splices, splice{start, end, text})
}

// broken says that there is a line break between two offsets.
func (p *plan) broken(start, end int) bool {
	return start < end && bytes.IndexByte(p.text[start:end], '\n') >= 0
}

// nextLine returns where the line behind the one around an offset begins.
func (p *plan) nextLine(at int) int {
	if i := bytes.IndexByte(p.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(p.text)
}

// insertLines plans lines at the beginning of a line, or at the end of the text,
// which may have no line break of its own.
func (p *plan) insertLines(at int, lines string) {
	if at == len(p.text) && !bytes.HasSuffix(p.text, []byte("\n")) {
		lines = p.style.lineBreak + strings.TrimSuffix(lines, p.style.lineBreak)
	}
	p.splice(at, at, lines)
}

// write carries the splices out.
func (p *plan) write() ([]byte, error) {
	slices.SortStableFunc(p.splices, func(a, b splice) int { return cmp.Compare(a.start, b.start) })
	var out bytes.Buffer
	at := 0
	for _, s := range p.splices {
		if s.start < at {
			return nil, unsafe(0, "two additions meet in one place")
		}
		out.Write(p.text[at:s.start])
		out.WriteString(s.text)
		at = s.end
	}
	out.Write(p.text[at:])
	return out.Bytes(), nil
}
