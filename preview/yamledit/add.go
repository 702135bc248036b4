// SPDX-License-Identifier: Apache-2.0

// Package yamledit adds members to the text of a YAML or JSON document and
// leaves all else in it as it was written: comments, order, quoting, indentation
// and line endings. A diff shows nothing but added lines where the document is
// in block style, and the touched lines where it is in flow style or JSON.
//
// The text is parsed into nodes that know where they begin (parse.go, and end.go
// for where they end). Additions are folded into one tree of edits (edit.go).
// The editor walks both (editor.go) and says what to insert where (insert.go), written
// in the style of the document (render.go).
//
// What comes out is parsed again and compared with the tree that was asked for,
// so that an unforeseen form of YAML gives an error and never a wrong
// manifest.
package yamledit

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// An Addition puts a value where nothing is yet: where there is no member, or
// one that is null or empty.
type Addition struct {
	Pointer string // JSON pointer (RFC 6901); a last name of - appends to a list
	Value   any    // anything that encodes as JSON
}

// An Error is the reason why nothing was added to a document, and where.
type Error struct {
	Line    int // in the text, from 1; 0 where no place is to blame
	Message string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

// An Edit puts Text in the place of the bytes from Start to End, most often of
// none.
type Edit struct {
	Start, End int
	Text       string
}

// Add returns the text of one document with the additions carried out. Like the
// operations of a JSON patch, they stand in an order in which each finds its
// parent there. Every error is an [*Error].
func Add(text []byte, additions []Addition) ([]byte, error) {
	edits, err := Edits(text, additions)
	if err != nil {
		return nil, err
	}
	return Apply(text, edits), nil
}

// Edits returns what Add does, in the order of the text.
func Edits(text []byte, additions []Addition) ([]Edit, error) {
	// No position that the parsers give counts the byte order mark.
	body, marked := bytes.CutPrefix(text, []byte("\ufeff"))
	d, err := parse(body)
	if err != nil {
		return nil, err
	}
	edits, err := d.edits(additions)
	if marked {
		shift(edits, len("\ufeff"))
	}
	return edits, err
}

// EditsOfValue returns the edits that carry out the additions to a JSON value, which stands
// in the text from start to end. Of the rest it looks at no more than the white space
// around, so that a list of many values can be edited one at a time.
func EditsOfValue(text []byte, start, end int, additions []Addition) ([]Edit, error) {
	if len(additions) == 0 {
		return nil, nil
	}
	root, err := parseJSON(text, start, end)
	if err != nil {
		return nil, &Error{Message: "the value is not JSON"}
	}
	d := &document{text: text, from: start, to: end, root: root, json: true}
	return d.edits(additions)
}

func (d *document) edits(additions []Addition) ([]Edit, error) {
	tree, err := fold(additions)
	if err != nil {
		return nil, err
	}
	p := editor{document: d, style: d.style()}
	if err := p.visit(d.root, tree, layout{}); err != nil {
		return nil, err
	}
	edits, err := p.sorted()
	if err != nil {
		return nil, err
	}
	for _, act := range p.actions {
		act()
	}
	shift(edits, -d.from)
	err = check(d, Apply(d.text[d.from:d.to], edits))
	shift(edits, d.from)
	if err != nil {
		return nil, err
	}
	return edits, nil
}

// shift moves edits to where their text stands.
func shift(edits []Edit, by int) {
	for i := range edits {
		edits[i].Start += by
		edits[i].End += by
	}
}

// Apply returns the text with the edits carried out, which must be in its order.
func Apply(text []byte, edits []Edit) []byte {
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(text[at:e.Start])
		out.WriteString(e.Text)
		at = e.End
	}
	out.Write(text[at:])
	return out.Bytes()
}

// check compares what was written with the tree that was asked for.
func check(want *document, out []byte) error {
	got, err := parse(out)
	if err != nil || got.json != want.json {
		return unsafe(0, "it could not be read any more")
	}
	if n := differing(want.root, got.root); n != nil {
		return unsafe(want.line(n), "what stands here would change")
	}
	return nil
}

func unsafe(line int, why string) error {
	return &Error{line, "the document is written in a way that cannot be added to safely (" + why + "): add the members by hand"}
}

// differing returns the innermost node of a that is not the same in b, if any.
func differing(a, b *yaml.Node) *yaml.Node {
	switch {
	case a.Kind != b.Kind, a.Value != b.Value, a.Anchor != b.Anchor, len(a.Content) != len(b.Content),
		a.Tag != b.Tag && a.ShortTag() != b.ShortTag():
		return a
	}
	for i := range a.Content {
		n := differing(a.Content[i], b.Content[i])
		if n != nil && n.Column == 0 {
			return a // n was added, and is nowhere in the text
		}
		if n != nil {
			return n
		}
	}
	return nil
}
