// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/wire"
)

// A shape is what tells an object from a list of objects.
type shape struct {
	apiVersion, kind string
	items            items
}

func (s *shape) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "apiVersion":
			return &s.apiVersion
		case "kind":
			return &s.kind
		case "items":
			return &s.items
		}
		return nil
	})
}

// items says where the items of a list begin and end in its text.
type items struct {
	there, isList bool
	places        [][2]int
}

func (i *items) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	i.there = true
	if dec.PeekKind() != '[' {
		_, err := dec.ReadValue()
		return err
	}
	i.isList = true
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		end := int(dec.InputOffset())
		i.places = append(i.places, [2]int{end - len(value), end})
	}
	_, err := dec.ReadToken()
	return err
}

// add adds an object to the document, or the items if it is a list.
func (d *document) add(text []byte, o *object) error {
	var s shape
	if err := json.Unmarshal(o.raw, &s); err != nil {
		if d.isJSON && o.pointer == "" {
			return d.atOffset(text, o.start-d.start, err)
		}
		return &documentError{o.line, plainJSONError(err)}
	}
	o.apiVersion, o.kind = cmp.Or(s.apiVersion, o.apiVersion), cmp.Or(s.kind, o.kind)
	switch {
	case o.apiVersion == "" && o.kind == "" && o.pointer == "" && d.found:
		d.notObject = true
		return nil
	case o.apiVersion == "" && bytes.Contains(o.raw, []byte("\"\ufeffapiVersion\"")):
		return &documentError{o.line, "begins with a byte order mark, which belongs at the begin of a file: remove it"}
	case o.apiVersion == "" || o.kind == "":
		return &documentError{o.line, "must have apiVersion and kind"}
	}
	d.isManifest = true
	itemKind, isList := strings.CutSuffix(o.kind, "List")
	switch {
	case !isList || !s.items.there:
		d.objects = append(d.objects, o)
		return nil
	case !s.items.isList:
		return &documentError{o.line, "items: must be a list"}
	}
	lines := d.itemLines(text, o, s.items.places)
	var errs []error
	for i, place := range s.items.places {
		item := &object{
			document: d, pointer: fmt.Sprintf("%s/items/%d", o.pointer, i), line: lines(i),
			raw: o.raw[place[0]:place[1]], start: o.start + place[0],
		}
		// The items of a typed list, such as a PodList, need not say what they are.
		if itemKind != "" {
			item.apiVersion, item.kind = o.apiVersion, itemKind
		}
		if item.raw.Kind() != '{' {
			errs = append(errs, &documentError{item.line, fmt.Sprintf("items[%d]: must be an object", i)})
			continue
		}
		if err := d.add(text, item); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// itemLines returns the line in the file on which an item of a list begins, for each in
// turn.
func (d *document) itemLines(text []byte, list *object, places [][2]int) func(i int) int {
	if d.isJSON {
		line, counted := list.line, 0
		return func(i int) int {
			line += bytes.Count(list.raw[counted:places[i][0]], []byte("\n"))
			counted = places[i][0]
			return line
		}
	}
	lines := d.yamlItemLines(text, list)
	return func(i int) int {
		if i < len(lines) {
			return lines[i]
		}
		return list.line
	}
}

// yamlItemLines returns the lines of the items of a list; nil for a list in a list.
func (d *document) yamlItemLines(text []byte, list *object) (lines []int) {
	var node yamlv3.Node
	if list.pointer != "" || yamlv3.Unmarshal(text, &node) != nil || len(node.Content) == 0 {
		return nil
	}
	root := node.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "items" {
			continue
		}
		for _, item := range root.Content[i+1].Content {
			lines = append(lines, d.inFile(item.Line))
		}
	}
	return lines
}
