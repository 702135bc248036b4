// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"
)

// request is the part of an admissionv1.AdmissionRequest that answers depend on.
// The objects stay as they were received.
type request struct {
	UID      types.UID `json:"uid"`
	Resource struct {
		Group    string `json:"group"`
		Version  string `json:"version"`
		Resource string `json:"resource"`
	} `json:"resource"`
	SubResource string                `json:"subResource"`
	Namespace   string                `json:"namespace"`
	Operation   admissionv1.Operation `json:"operation"`
	Object      jsontext.Value        `json:"object"`
	OldObject   jsontext.Value        `json:"oldObject"`
	DryRun      bool                  `json:"dryRun"`
}

// parseReview reads an AdmissionReview v1 that holds a request. An error says
// what is wrong, and where.
func parseReview(body []byte) (*request, error) {
	var review struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Request    *request `json:"request"`
	}
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, Located("", err)
	}
	if apiVersion := admissionv1.SchemeGroupVersion.String(); review.APIVersion != apiVersion || review.Kind != "AdmissionReview" {
		return nil, fmt.Errorf("the body must be an AdmissionReview of %s, and says it is a %q of %q", apiVersion, review.Kind, review.APIVersion)
	}
	if review.Request == nil {
		return nil, errors.New("request: must be set")
	}
	if review.Request.UID == "" {
		return nil, errors.New("request.uid: must be set")
	}
	return review.Request, nil
}

// Located says where below the place an error of the JSON decoder happened, in
// Kubernetes' way: spec.containers[0].name.
func Located(place string, err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("%s: is not JSON: %w at byte %d", at(place, syntactic.JSONPointer), syntactic.Err, syntactic.ByteOffset)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		if semantic.Err != nil {
			return fmt.Errorf("%s: %w", at(place, semantic.JSONPointer), semantic.Err)
		}
		return fmt.Errorf("%s: must be %s, is %s", at(place, semantic.JSONPointer), wanted(semantic.GoType), kinds[semantic.JSONKind])
	}
	return fmt.Errorf("%s: %w", at(place, ""), err)
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

// at writes a place in Kubernetes' way: spec.containers[0].name.
func at(place string, pointer jsontext.Pointer) string {
	if place == "" && pointer == "" {
		return "the body"
	}
	path := place
	for token := range pointer.Tokens() {
		switch {
		case len(path) > maxPlace:
			// A place can be as long as the request, in ten thousand steps.
			return shorten(path, maxPlace)
		case token != "" && token[0] >= '0' && token[0] <= '9':
			path += "[" + token + "]"
		case path == "":
			path = token
		default:
			path += "." + token
		}
	}
	return shorten(path, maxPlace)
}

// maxPlace is longer than the place of any field of a pod, annotations included.
const maxPlace = 512
