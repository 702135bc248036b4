// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
)

// A SecurityContext is a pod's or a container's: which fields of the catalogue
// it sets, and the few values that conflicts look at. The zero value is one
// that sets nothing.
type SecurityContext struct {
	set fieldSet

	Privileged        bool
	AddedCapabilities []string // capabilities.add
	RunAsUser         *int64
	RunAsUserName     *string // windowsOptions.runAsUserName
	HostProcess       bool    // windowsOptions.hostProcess
	SELinuxOptions    *corev1.SELinuxOptions

	// Which of the objects that a patch may have to create are there already.
	Present, HasCapabilities bool
}

// Sets says whether the field is set: present in the JSON and not null.
func (s SecurityContext) Sets(f *Field) bool { return s.set&f.bit != 0 }

// UnmarshalJSONFrom notes what is set. Members that the catalogue does not know
// are passed over.
func (s *SecurityContext) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s.Present = dec.PeekKind() != 'n'
	return s.members(dec, "", func(name string) any {
		switch name {
		case "privileged":
			return &s.Privileged
		case "capabilities":
			s.HasCapabilities = true
			return (*capabilities)(s)
		case "runAsUser":
			return &s.RunAsUser
		case "seLinuxOptions":
			return &s.SELinuxOptions
		case "windowsOptions":
			return &struct {
				RunAsUserName **string `json:"runAsUserName"`
				HostProcess   *bool    `json:"hostProcess"`
			}{&s.RunAsUserName, &s.HostProcess}
		}
		return nil
	})
}

// capabilities is the object capabilities of a SecurityContext, whose members
// are fields of their own.
type capabilities SecurityContext

func (s *capabilities) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return (*SecurityContext)(s).members(dec, "capabilities.", func(name string) any {
		if name == "add" {
			return &s.AddedCapabilities
		}
		return nil
	})
}

// members reads an object and notes which fields of the catalogue its members
// set: those named prefix+name. A value is decoded into what target gives for
// its name, or else skipped. A null, for the object or a member, sets nothing.
func (s *SecurityContext) members(dec *jsontext.Decoder, prefix string, target func(name string) any) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	if dec.PeekKind() != '{' {
		return errors.New("must be an object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		if dec.PeekKind() == 'n' {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if f := fieldByName[prefix+name]; f != nil && !strings.Contains(name, ".") {
			s.set |= f.bit
		}
		if into := target(name); into != nil {
			err = json.UnmarshalDecode(dec, into)
		} else {
			err = dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}
