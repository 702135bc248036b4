// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// A document is a text and what was parsed from it. In its nodes, Column is the
// offset in the text at which the node begins, and Line means nothing.
type document struct {
	text     []byte
	from, to int // the document in its text
	root     *yaml.Node
	json     bool
	aliased  map[*yaml.Node]bool // nodes that stand in other places too
	indents  indents
}

// parse reads JSON as JSON, whose escapes and sizes are beyond the YAML parser,
// and everything else as YAML.
func parse(text []byte) (*document, error) {
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		if root, err := parseJSON(text, 0, len(text)); err == nil {
			return &document{text: text, to: len(text), root: root, json: true}, nil
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var tree, next yaml.Node
	switch err := decoder.Decode(&tree); {
	case err == io.EOF:
		return nil, &Error{Message: "the document is empty"}
	case err != nil:
		return nil, yamlError(err)
	}
	if err := decoder.Decode(&next); err != io.EOF {
		return nil, &Error{Message: "the text is more than one document"}
	}
	d := &document{text: text, to: len(text), root: tree.Content[0], aliased: map[*yaml.Node]bool{}}
	d.locate(d.root, &cursor{text: text, line: 1, column: 1})
	return d, nil
}

// parseJSON parses the JSON value that stands in a text from start to end.
func parseJSON(text []byte, start, end int) (*yaml.Node, error) {
	p := jsonParser{decoder: jsontext.NewDecoder(bytes.NewBuffer(text[start:end])), text: text[:end], start: start}
	root, err := p.node()
	if err != nil {
		return nil, err
	}
	if _, err := p.decoder.ReadToken(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return root, nil
}

// yamlError takes the line out of the parser's message.
func yamlError(err error) error {
	e := &Error{Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if n, _ := fmt.Sscanf(e.Message, "line %d:", &e.Line); n == 1 {
		_, e.Message, _ = strings.Cut(e.Message, ": ")
	}
	return e
}

func (d *document) line(n *yaml.Node) int {
	return 1 + bytes.Count(d.text[:n.Column], []byte("\n"))
}

func (d *document) errorf(n *yaml.Node, format string, args ...any) error {
	return &Error{d.line(n), fmt.Sprintf(format, args...)}
}

// locate turns the columns of the nodes into offsets. Nodes are in the order of
// the text, so that one pass over it is enough.
func (d *document) locate(n *yaml.Node, c *cursor) {
	d.indents.count(n)
	if n.Kind == yaml.AliasNode {
		d.aliased[n.Alias] = true
	}
	n.Column = c.to(n.Line, n.Column)
	for _, child := range n.Content {
		d.locate(child, c)
	}
}

// A cursor counts lines and columns as the YAML parser does.
type cursor struct {
	text                 []byte
	offset, line, column int
}

func (c *cursor) to(line, column int) int {
	for c.offset < len(c.text) && (c.line < line || c.line == line && c.column < column) {
		r, size := utf8.DecodeRune(c.text[c.offset:])
		c.offset += size
		c.column++
		switch r {
		case '\r':
			if c.offset < len(c.text) && c.text[c.offset] == '\n' {
				continue // the break is counted at its end
			}
			fallthrough
		case '\n', '\u0085', '\u2028', '\u2029':
			c.line++
			c.column = 1
		}
	}
	return c.offset
}

// A jsonParser makes the nodes that the YAML parser would make of JSON.
type jsonParser struct {
	decoder *jsontext.Decoder
	text    []byte // to find where tokens begin; nil: they need not be found
	start   int    // where the value begins in it
}

func (p *jsonParser) node() (*yaml.Node, error) {
	n := &yaml.Node{Style: yaml.FlowStyle, Column: p.start + int(p.decoder.InputOffset())}
	for n.Column < len(p.text) && bytes.IndexByte([]byte(" \t\r\n,:"), p.text[n.Column]) >= 0 {
		n.Column++
	}
	token, err := p.decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		return n, p.content(n)
	case '[':
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		return n, p.content(n)
	}
	n.Kind, n.Style, n.Value = yaml.ScalarNode, 0, token.String()
	switch token.Kind() {
	case '"':
		n.Style, n.Tag = yaml.DoubleQuotedStyle, "!!str"
	case 't', 'f':
		n.Tag = "!!bool"
	case 'n':
		n.Tag = "!!null"
	}
	return n, nil
}

func (p *jsonParser) content(n *yaml.Node) error {
	for next := p.decoder.PeekKind(); next != '}' && next != ']'; next = p.decoder.PeekKind() {
		child, err := p.node()
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, err := p.decoder.ReadToken()
	return err
}
