// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// A style is how a document is written.
type style struct {
	step, dash, item int    // see indents
	lineBreak        string // \n or \r\n
	quoted           bool   // keys and strings, as in JSON
	space            string // after colons and commas of flow style: a blank, or nothing
}

// indents counts the indentations of a document, to go by the most frequent.
type indents struct {
	step [16]int // of a mapping in a mapping
	dash [16]int // of a sequence in a mapping
	item [16]int // of a mapping behind the dash
}

func (c *indents) count(n *yaml.Node) {
	block := func(n *yaml.Node) bool {
		return n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0 && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
	}
	if !block(n) {
		return
	}
	for i, child := range n.Content {
		by := child.Column - n.Column
		switch {
		case !block(child) || by < 0 || by >= len(c.step):
		case n.Kind == yaml.SequenceNode && child.Kind == yaml.MappingNode:
			c.item[by]++
		case n.Kind == yaml.MappingNode && i%2 == 1 && child.Kind == yaml.MappingNode:
			c.step[by]++
		case n.Kind == yaml.MappingNode && i%2 == 1 && child.Kind == yaml.SequenceNode:
			c.dash[by]++
		}
	}
}

func mostFrequent(counts [16]int, otherwise int) int {
	most := otherwise
	for by, count := range counts {
		if count > counts[most] {
			most = by
		}
	}
	return most
}

func (d *document) style() style {
	s := style{
		step:      mostFrequent(d.indents.step, 2),
		dash:      mostFrequent(d.indents.dash, 0),
		item:      mostFrequent(d.indents.item, 2),
		lineBreak: "\n",
		quoted:    d.json,
		space:     " ",
	}
	if text := d.text[d.from:d.to]; bytes.Contains(text[:1+bytes.IndexByte(text, '\n')], []byte("\r\n")) {
		s.lineBreak = "\r\n"
	}
	first := d.root
	for first.Kind == yaml.SequenceNode && len(first.Content) > 0 {
		first = first.Content[0]
	}
	if first.Kind == yaml.MappingNode && first.Style&yaml.FlowStyle != 0 && len(first.Content) > 0 {
		key := first.Content[0]
		s.quoted = key.Style&yaml.DoubleQuotedStyle != 0
		if s.quoted && bytes.HasPrefix(d.text[d.end(key):], []byte(":")) && d.while(d.end(key)+1, " \t\r\n") == d.end(key)+1 {
			s.space = ""
		}
	}
	return s
}

// block writes the lines of a collection in block style.
func (s *style) block(n *yaml.Node, column int) string {
	var b strings.Builder
	indentation := strings.Repeat(" ", column)
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if line, short := s.line(item); short {
				b.WriteString(indentation + "- " + line + s.lineBreak)
			} else {
				b.WriteString(indentation + "-" + s.block(item, column+s.item)[column+1:])
			}
		}
		return b.String()
	}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := s.scalar(n.Content[i], false), n.Content[i+1]
		if line, short := s.line(value); short {
			b.WriteString(indentation + key + ": " + line + s.lineBreak)
		} else {
			b.WriteString(indentation + key + ":" + s.lineBreak + s.block(value, s.below(value, column)))
		}
	}
	return b.String()
}

// line writes a value of which block style needs one line only.
func (s *style) line(n *yaml.Node) (line string, short bool) {
	if n.Kind == yaml.ScalarNode {
		return s.scalar(n, false), true
	}
	return s.flow(n, "", ""), len(n.Content) == 0
}

// below returns the column of a collection that is a member of a mapping.
func (s *style) below(n *yaml.Node, column int) int {
	if n.Kind == yaml.SequenceNode {
		return column + s.dash
	}
	return column + s.step
}

// flow writes a value in flow style: with a step, its entries on lines of their
// own, further in by that than indentation; without, all on one line.
func (s *style) flow(n *yaml.Node, indentation, step string) string {
	if n.Kind == yaml.ScalarNode {
		return s.scalar(n, true)
	}
	brackets := "{}"
	if n.Kind == yaml.SequenceNode {
		brackets = "[]"
	}
	entries := s.entries(n, indentation+step, step)
	switch {
	case len(entries) == 0:
		return brackets
	case step == "":
		return brackets[:1] + strings.Join(entries, ","+s.space) + brackets[1:]
	}
	before := s.lineBreak + indentation + step
	return brackets[:1] + before + strings.Join(entries, ","+before) + s.lineBreak + indentation + brackets[1:]
}

// entries writes the entries of a collection in flow style.
func (s *style) entries(n *yaml.Node, indentation, step string) []string {
	var entries []string
	for i := 0; i < len(n.Content); i++ {
		entry := ""
		if n.Kind == yaml.MappingNode {
			entry = s.scalar(n.Content[i], true) + ":" + s.space
			i++
		}
		entries = append(entries, entry+s.flow(n.Content[i], indentation, step))
	}
	return entries
}

// scalar quotes strings where a parser of YAML 1.1 or 1.2 would take them for
// something else, or where the document is JSON.
func (s *style) scalar(n *yaml.Node, flow bool) string {
	if n.Tag != "!!str" {
		return n.Value
	}
	if !s.quoted {
		if isWord(n.Value) {
			return n.Value
		}
		encoded, err := yaml.Marshal(n.Value)
		line := strings.TrimSuffix(string(encoded), "\n")
		if err == nil && !strings.Contains(line, "\n") && !(flow && line == n.Value && strings.ContainsAny(line, ",[]{}:?#")) {
			return line
		}
	}
	quoted, _ := jsontext.AppendQuote(nil, n.Value)
	return string(quoted)
}

// isWord reports whether a string is letters alone, and longer than any word that YAML 1.1
// takes for something else, such as false.
func isWord(text string) bool {
	return len(text) > len("false") && strings.IndexFunc(text, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) < 0
}
