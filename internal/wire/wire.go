// SPDX-License-Identifier: Apache-2.0

// Package wire reads from JSON what is asked for, and passes over the rest: that it is
// JSON is all that is demanded of it. A member that is null counts as unset, and one
// that is asked for must not be there twice.
//
// Most of a review are values that no decision depends on. The decoder checks such a
// value several times faster in one step ([jsontext.Decoder.ReadValue]) than token by
// token, as it skips what a Go struct does not name.
package wire

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unmarshal decodes a JSON text into something that reads it with [Object]. Errors are
// those of package json, and say where.
func Unmarshal(text []byte, into json.UnmarshalerFrom) error {
	// Whether a name is there twice is looked at where it matters, by Object.
	return json.Unmarshal(text, into, jsontext.AllowDuplicateNames(true))
}

// Passed is the place of a value that does not matter, under a name that does: it must
// not be there twice.
type Passed string

// Object reads an object, each member into the place for its name: a pointer to anything
// that package json decodes, [Passed], or nil for a member that is ignored. A null
// is read into nothing, for the object as for a member, which then gets no place.
func Object(dec *jsontext.Decoder, place func(name []byte) any) error {
	switch dec.PeekKind() {
	case 'n':
		return pass(dec)
	case '{':
	default:
		return mustBe[struct{}](dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	taken := make([]any, 0, 16) // places
	for dec.PeekKind() != '}' {
		name, err := readName(dec)
		if err != nil {
			return err
		}
		var into any
		if dec.PeekKind() != 'n' {
			into = place(name)
		}
		if into != nil {
			for _, p := range taken {
				if p == into {
					return twice(dec, name)
				}
			}
			taken = append(taken, into)
		}
		if err := read(dec, into); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// List reads a list, each element into its place, as [Object] does. A null among them is
// read into nothing.
func List(dec *jsontext.Decoder, place func(index int) any) error {
	switch dec.PeekKind() {
	case 'n':
		return pass(dec)
	case '[':
	default:
		return mustBe[[]any](dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for index := 0; dec.PeekKind() != ']'; index++ {
		var into any
		if dec.PeekKind() != 'n' {
			into = place(index)
		}
		if err := read(dec, into); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// read decodes a value into its place.
func read(dec *jsontext.Decoder, into any) error {
	switch into := into.(type) {
	case nil, Passed:
		return pass(dec)
	case json.UnmarshalerFrom:
		return into.UnmarshalJSONFrom(dec)
	// What package json does, without its reflection; errors are left to it.
	case *string:
		if dec.PeekKind() == '"' {
			token, err := dec.ReadToken()
			*into = token.String()
			return err
		}
	case *bool:
		if kind := dec.PeekKind(); kind == 't' || kind == 'f' {
			*into = kind == 't'
			return pass(dec)
		}
	case *map[string]string:
		if dec.PeekKind() == '{' {
			return readStrings(dec, into)
		}
	}
	return json.UnmarshalDecode(dec, into)
}

// readStrings reads an object of strings. Of a name that is there twice the last is taken.
func readStrings(dec *jsontext.Decoder, into *map[string]string) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*into = map[string]string{}
	for dec.PeekKind() != '}' {
		quoted, err := readName(dec)
		if err != nil {
			return err
		}
		name, value := string(quoted), ""
		if err := read(dec, &value); err != nil {
			return err
		}
		(*into)[name] = value
	}
	_, err := dec.ReadToken()
	return err
}

// pass reads a value of which nothing is kept.
func pass(dec *jsontext.Decoder) error {
	_, err := dec.ReadValue()
	return err
}

// readName reads the name of a member. It must be used before anything else is read.
func readName(dec *jsontext.Decoder) ([]byte, error) {
	quoted, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	return jsontext.AppendUnquote(nil, quoted)
}

// mustBe is the error for a value that is none of the kind that type T is.
func mustBe[T any](dec *jsontext.Decoder) error {
	kind := dec.PeekKind()
	if err := pass(dec); err != nil {
		return err
	}
	return &json.SemanticError{
		JSONPointer: dec.StackPointer(), ByteOffset: dec.InputOffset(),
		JSONKind: kind, GoType: reflect.TypeFor[T](),
	}
}

// twice is the error for a name that is there before; the decoder must have read it.
func twice(dec *jsontext.Decoder, name []byte) error {
	return &jsontext.SyntacticError{
		JSONPointer: dec.StackPointer(), ByteOffset: dec.InputOffset(),
		Err: fmt.Errorf("%w %q", jsontext.ErrDuplicateName, name),
	}
}
