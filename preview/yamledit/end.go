// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// begin returns the offset of a node's content: behind its anchor and its tag.
func (d *document) begin(n *yaml.Node) int {
	at := n.Column
	if n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0 && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 {
		return at // a property here is that of the first member
	}
	for at < len(d.text) && (d.text[at] == '&' || d.text[at] == '!') {
		at = d.until(at, " \t\r\n,[]{}")
		if !unwritten(n) {
			at = d.skip(at, "")
		} else if next := d.while(at, " \t"); next < len(d.text) && (d.text[next] == '&' || d.text[next] == '!') {
			at = next
		}
	}
	return at
}

// end returns the offset behind the last character of a node. What it finds for
// YAML that is out of the ordinary may be wrong, which check notices.
func (d *document) end(n *yaml.Node) int {
	at := d.begin(n)
	switch {
	case n.Kind == yaml.AliasNode:
		return min(at+len("*")+len(n.Value), len(d.text))
	case n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0, d.isPair(n):
		return d.end(n.Content[len(n.Content)-1])
	case n.Kind != yaml.ScalarNode:
		at++
		if len(n.Content) > 0 {
			at = d.end(n.Content[len(n.Content)-1])
		}
		return min(d.skip(at, ",")+1, len(d.text))
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for at++; at < len(d.text) && d.text[at] != '"'; at++ {
			if d.text[at] == '\\' {
				at++
			}
		}
		return min(at+1, len(d.text))
	case n.Style&yaml.SingleQuotedStyle != 0:
		return d.behindWords(at+1, strings.ReplaceAll(n.Value, "'", "''")+"'")
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		return d.behindWords(at, n.Value)
	}
	header := d.until(at, "\r\n")
	at = d.behindWords(header, n.Value)
	// Blank lines at its end belong to a block scalar where they are in its value.
	if blank := n.Value[len(strings.TrimRight(n.Value, " \t\n")):]; blank != "" && blank != "\n" {
		at = len(d.text) - len(bytes.TrimLeft(d.text[at:], " \t\r\n"))
		at = max(header, 1+bytes.LastIndexByte(d.text[:at], '\n')) - 1
	}
	return at
}

// behindWords returns the offset behind a scalar that is written out in its value,
// but for white space: how lines are folded and indented need not be known.
func (d *document) behindWords(at int, value string) int {
	const space = " \t\r\n\u0085\u2028\u2029"
	for _, r := range value {
		if strings.ContainsRune(space, r) {
			continue
		}
		for at < len(d.text) {
			found, size := utf8.DecodeRune(d.text[at:])
			if found != r && !strings.ContainsRune(space, found) {
				return at // not so written out: check will notice
			}
			at += size
			if found == r {
				break
			}
		}
	}
	return at
}

// skip passes over white space, comments and the given characters.
func (d *document) skip(at int, also string) int {
	for {
		at = d.while(at, " \t\r\n"+also)
		if at >= len(d.text) || d.text[at] != '#' {
			return at
		}
		at = d.until(at, "\r\n")
	}
}

func (d *document) while(at int, characters string) int {
	for at < len(d.text) && strings.IndexByte(characters, d.text[at]) >= 0 {
		at++
	}
	return at
}

func (d *document) until(at int, characters string) int {
	for at < len(d.text) && strings.IndexByte(characters, d.text[at]) < 0 {
		at++
	}
	return at
}

// unwritten says that a node is null by not being written.
func unwritten(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" &&
		n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// isPair says that a node is the mapping of the one pair in [a: b].
func (d *document) isPair(n *yaml.Node) bool {
	at := d.begin(n)
	return n.Kind == yaml.MappingNode && len(n.Content) > 0 && (at >= len(d.text) || d.text[at] != '{')
}

// lineEnd returns where the line around an offset ends, without its line break.
func (d *document) lineEnd(at int) int {
	i := bytes.IndexByte(d.text[at:], '\n')
	switch {
	case i < 0:
		return len(d.text)
	case i > 0 && d.text[at+i-1] == '\r':
		return at + i - 1
	}
	return at + i
}

// indentation returns the white space that the line around an offset begins with.
func (d *document) indentation(at int) string {
	start := 1 + bytes.LastIndexByte(d.text[:at], '\n')
	return string(d.text[start:d.while(start, " \t")])
}

// column returns the column of an offset, from 0.
func (d *document) column(at int) int {
	return utf8.RuneCount(d.text[1+bytes.LastIndexByte(d.text[:at], '\n') : at])
}
