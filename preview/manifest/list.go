// SPDX-License-Identifier: Apache-2.0

package manifest

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
	spans         [][2]int
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
		i.spans = append(i.spans, [2]int{end - len(value), end})
	}
	_, err := dec.ReadToken()
	return err
}

// add adds an object to the document, or the items if it is a list.
func (d *Document) add(text []byte, o *Object) error {
	var s shape
	if err := json.Unmarshal(o.Raw, &s); err != nil {
		if d.IsJSON && o.Pointer == "" {
			return d.atOffset(text, o.Start-d.Start, err)
		}
		return &documentError{o.Line, plainJSONError(err)}
	}
	o.APIVersion, o.Kind = cmp.Or(s.apiVersion, o.APIVersion), cmp.Or(s.kind, o.Kind)
	switch {
	case o.APIVersion == "" && o.Kind == "" && o.Pointer == "" && d.found:
		d.NotObject = true
		return nil
	case o.APIVersion == "" && bytes.Contains(o.Raw, []byte("\"\ufeffapiVersion\"")):
		return &documentError{o.Line, "has a byte order mark in the middle of the file: remove it"}
	case o.APIVersion == "" || o.Kind == "":
		return &documentError{o.Line, "must have apiVersion and kind"}
	}
	d.IsManifest = true
	itemKind, isList := strings.CutSuffix(o.Kind, "List")
	switch {
	case !isList || !s.items.there && itemKind != "" && !IsKnown(o.APIVersion, itemKind):
		d.Objects = append(d.Objects, o)
		return nil
	case s.items.there && !s.items.isList:
		return &documentError{o.Line, "items: must be a list"}
	}
	lines := d.itemLines(text, o, s.items.spans)
	var errs []error
	for i, span := range s.items.spans {
		item := &Object{
			Document: d, Pointer: fmt.Sprintf("%s/items/%d", o.Pointer, i), Line: lines(i),
			Raw: o.Raw[span[0]:span[1]], Start: o.Start + span[0],
		}
		// The items of a typed list, such as a PodList, need not say what they are.
		if itemKind != "" {
			item.APIVersion, item.Kind = o.APIVersion, itemKind
		}
		if item.Raw.Kind() != '{' {
			errs = append(errs, &documentError{item.Line, fmt.Sprintf("items[%d]: must be an object", i)})
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
func (d *Document) itemLines(text []byte, list *Object, spans [][2]int) func(i int) int {
	if d.IsJSON {
		line, counted := list.Line, 0
		return func(i int) int {
			line += bytes.Count(list.Raw[counted:spans[i][0]], []byte("\n"))
			counted = spans[i][0]
			return line
		}
	}
	lines := d.yamlItemLines(text, list)
	return func(i int) int {
		if i < len(lines) {
			return lines[i]
		}
		return list.Line
	}
}

// yamlItemLines returns the lines of the items of a list; nil for a list in a list.
func (d *Document) yamlItemLines(text []byte, list *Object) (lines []int) {
	var node yamlv3.Node
	if list.Pointer != "" || yamlv3.Unmarshal(text, &node) != nil || len(node.Content) == 0 {
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
