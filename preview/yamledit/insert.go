// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// replace puts a value where null, {}, [] or nothing is written.
func (p *editor) replace(n *yaml.Node, e *branch, in layout) error {
	value, err := e.whole()
	if err != nil {
		return p.fail(n, in, "is empty: %v", err)
	}
	if n.Kind != yaml.ScalarNode && n.Kind != value.Kind {
		return p.fail(n, in, "is set already, to an empty value of another kind")
	}
	start, end := p.begin(n), p.end(n)
	if bytes.IndexByte(p.text[start:end], '#') >= 0 {
		return p.fail(n, in, "is empty but for a comment, which would be lost: take it out first")
	}
	p.actions = append(p.actions, func() {
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
func (p *editor) insert(n, added *yaml.Node, in layout) error {
	if len(added.Content) == 0 {
		return nil
	}
	p.actions = append(p.actions, func() { n.Content = append(n.Content, added.Content...) })
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

func (p *editor) insertFlow(n, added *yaml.Node, in layout) error {
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

func (p *editor) splice(start, end int, text string) {
	p.edits = append(p.edits, Edit{start, end, text})
}

// broken says that there is a line break between two offsets.
func (p *editor) broken(start, end int) bool {
	return start < end && bytes.IndexByte(p.text[start:end], '\n') >= 0
}

// nextLine returns where the line behind the one around an offset begins.
func (p *editor) nextLine(at int) int {
	if i := bytes.IndexByte(p.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(p.text)
}

// insertLines plans lines at the beginning of a line, or at the end of the text,
// which may have no line break of its own.
func (p *editor) insertLines(at int, lines string) {
	if at == len(p.text) && !bytes.HasSuffix(p.text, []byte("\n")) {
		lines = p.style.lineBreak + strings.TrimSuffix(lines, p.style.lineBreak)
	}
	p.splice(at, at, lines)
}

// sorted returns the edits in the order of the text, without those that would
// change nothing.
func (p *editor) sorted() ([]Edit, error) {
	edits := slices.DeleteFunc(p.edits, func(e Edit) bool { return string(p.text[e.Start:e.End]) == e.Text })
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })
	for i := 1; i < len(edits); i++ {
		if edits[i].Start < edits[i-1].End {
			return nil, unsafe(0, "two additions meet in one place")
		}
	}
	return edits, nil
}
