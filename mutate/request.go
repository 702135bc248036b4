// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/wire"
)

const apiVersion = admissionv1.GroupName + "/v1"

// request is the part of an admissionv1.AdmissionRequest that answers depend on.
type request struct {
	UID         types.UID
	Resource    resource
	SubResource string
	Namespace   string
	Operation   admissionv1.Operation
	Object      object
	OldObject   object
	DryRun      bool
}

// resource is a metav1.GroupVersionResource.
type resource struct{ Group, Version, Resource string }

// object is one of the objects of a request.
type object struct {
	text jsontext.Value // as it was received: a part of the body
	pod  *defaults.Pod  // nil where it has not been read as one

	from, to int64 // where the text stands in the body; from may be a little before it
}

// review is an AdmissionReview, as it is received.
type review struct {
	apiVersion, kind string
	request          request
	hasRequest       bool
}

// parseReview reads an AdmissionReview v1 that holds a request. An error says
// what is wrong, and where. The objects are parts of the body, which must not change.
func parseReview(body []byte) (*request, error) {
	var r review
	if err := wire.Unmarshal(body, &r); err != nil {
		return nil, Located("", err)
	}
	if r.apiVersion != apiVersion || r.kind != "AdmissionReview" {
		return nil, fmt.Errorf("the body must be an AdmissionReview of %s, and says it is a %q of %q", apiVersion, r.kind, r.apiVersion)
	}
	if !r.hasRequest {
		return nil, errors.New("request: must be set")
	}
	if r.request.UID == "" {
		return nil, errors.New("request.uid: must be set")
	}
	r.request.Object.cutFrom(body)
	r.request.OldObject.cutFrom(body)
	return &r.request, nil
}

func (r *review) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "apiVersion":
			return &r.apiVersion
		case "kind":
			return &r.kind
		case "request":
			r.hasRequest = true
			return &r.request
		}
		return nil
	})
}

func (r *request) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "uid":
			return (*string)(&r.UID)
		case "resource":
			return &r.Resource
		case "subResource":
			return &r.SubResource
		case "namespace":
			return &r.Namespace
		case "operation":
			return (*string)(&r.Operation)
		case "object":
			return r.expect(&r.Object)
		case "oldObject":
			return r.expect(&r.OldObject)
		case "dryRun":
			return &r.DryRun
		}
		return nil
	})
}

// expect has an object read as a pod if the request needs it as one. An API server says
// so before the objects, which are then read in one pass; where it comes after them,
// they are read again.
func (r *request) expect(o *object) *object {
	if o.pod == nil && (r.createsPod() || r.updatesEphemeralContainers()) {
		o.pod = &defaults.Pod{}
	}
	return o
}

func (r *resource) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "group":
			return &r.Group
		case "version":
			return &r.Version
		case "resource":
			return &r.Resource
		}
		return nil
	})
}

// UnmarshalJSONFrom reads an object as a pod if it has one to read into, and notes where
// it stands.
func (o *object) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o.from = dec.InputOffset()
	var err error
	if o.pod != nil {
		err = o.pod.UnmarshalJSONFrom(dec)
	} else {
		_, err = dec.ReadValue()
	}
	o.to = dec.InputOffset()
	return err
}

// cutFrom takes the text from the body.
func (o *object) cutFrom(body []byte) {
	// Between a name and its value are a colon and white space.
	o.text = bytes.TrimLeft(body[o.from:o.to], ": \t\r\n")
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
