// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"errors"
	"fmt"

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

// envelope is an AdmissionReview, as it is received.
type envelope struct {
	apiVersion, kind string
	request          request
	hasRequest       bool
}

// parseReview reads an AdmissionReview v1 that holds a request. An error says
// what is wrong, and where. The objects are parts of the body, which must not change.
func parseReview(body []byte) (*request, error) {
	var r envelope
	if err := wire.Unmarshal(body, &r); err != nil {
		return nil, wire.Located("", err)
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

func (r *envelope) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
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
