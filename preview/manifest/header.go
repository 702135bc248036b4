// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"errors"

	jsonv2 "github.com/go-json-experiment/json"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Header is what an object says outside of its pod templates.
type Header struct {
	Metadata struct {
		Name            string                  `json:"name"`
		GenerateName    string                  `json:"generateName"`
		Namespace       string                  `json:"namespace"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		VolumeClaimTemplates []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"volumeClaimTemplates"`
	} `json:"spec"`
}

// Header reads the header of the object. Also with an error it has what comes before the
// fault.
func (o *Object) Header() (Header, error) {
	var h Header
	if err := jsonv2.Unmarshal(o.Raw, &h); err != nil {
		return h, errors.New(plainJSONError(err))
	}
	return h, nil
}

// Name returns the name of the object, or what its name is made from.
func (h *Header) Name() string { return cmp.Or(h.Metadata.Name, h.Metadata.GenerateName) }

// Controller returns the owner that made the object, if one did.
func (h *Header) Controller() (metav1.OwnerReference, bool) {
	for _, r := range h.Metadata.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			return r, true
		}
	}
	return metav1.OwnerReference{}, false
}
