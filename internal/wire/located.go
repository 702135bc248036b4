// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/caseharden/caseharden/internal/text"
)

// Located says where below the place an error of the JSON decoder happened, in
// Kubernetes' way: spec.containers[0].name.
func Located(place string, err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("%s: is not JSON: %w at byte %d", At(place, syntactic.JSONPointer), syntactic.Err, syntactic.ByteOffset)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		if semantic.Err != nil {
			return fmt.Errorf("%s: %w", At(place, semantic.JSONPointer), semantic.Err)
		}
		return fmt.Errorf("%s: must be %s, is %s", At(place, semantic.JSONPointer), wanted(semantic.GoType), kinds[semantic.JSONKind])
	}
	return fmt.Errorf("%s: %w", At(place, ""), err)
}

// kinds names the kinds of JSON value in words.
var kinds = map[jsontext.Kind]string{
	'n': "null", 'f': "a boolean", 't': "a boolean", '"': "a string", '0': "a number", '{': "an object", '[': "a list",
}

// wanted names the kind of JSON value that a type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a number"
	default:
		return "an object"
	}
}

// At writes a place in Kubernetes' way: spec.containers[0].name.
func At(place string, pointer jsontext.Pointer) string {
	if place == "" && pointer == "" {
		return "the body"
	}
	path := place
	for token := range pointer.Tokens() {
		switch {
		case len(path) > maxPlace:
			// A place can be as long as the request, in ten thousand steps.
			return text.Shorten(path, maxPlace)
		case token != "" && token[0] >= '0' && token[0] <= '9':
			path += "[" + token + "]"
		case path == "":
			path = token
		default:
			path += "." + token
		}
	}
	return text.Shorten(path, maxPlace)
}

// maxPlace is longer than the place of any field of a pod, annotations included.
const maxPlace = 512
