// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/internal/wire"
)

// A SecurityContext is a pod's or a container's: which fields of the catalogue
// it sets, and the few values that conflicts look at. The zero value is one
// that sets nothing.
type SecurityContext struct {
	set fieldSet

	Privileged        bool
	RunAsNonRoot      bool     // it is set, and true
	AddedCapabilities []string // capabilities.add
	RunAsUser         *int64
	RunAsUserName     *string // windowsOptions.runAsUserName
	HostProcess       bool    // windowsOptions.hostProcess
	SELinuxOptions    *corev1.SELinuxOptions

	// Which of the objects that a patch may have to create are there already.
	Present, HasCapabilities bool
}

// Sets reports whether the field is set: present in the JSON and not null.
func (s SecurityContext) Sets(f *Field) bool { return s.set&f.bit != 0 }

// UnmarshalJSONFrom notes what is set. Members that the catalogue does not know
// are ignored.
func (s *SecurityContext) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s.Present = dec.PeekKind() != 'n'
	return wire.Object(dec, func(name []byte) any {
		into := s.note("", name)
		switch string(name) {
		case "privileged":
			return &s.Privileged
		case "runAsNonRoot":
			return &s.RunAsNonRoot
		case "capabilities":
			s.HasCapabilities = true
			return (*capabilities)(s)
		case "runAsUser":
			return &s.RunAsUser
		case "seLinuxOptions":
			return &s.SELinuxOptions
		case "windowsOptions":
			return (*windowsSecurityContextOptions)(s)
		}
		return into
	})
}

// note notes that a field is set, if the name is in the catalogue, and returns its place
// as one that only its presence matters of.
func (s *SecurityContext) note(prefix string, name []byte) any {
	if bytes.ContainsRune(name, '.') {
		return nil // only we write capabilities.drop so
	}
	var qualified [64]byte
	f := fieldByName[string(append(append(qualified[:0], prefix...), name...))]
	if f == nil {
		return nil
	}
	s.set |= f.bit
	return wire.Passed(f.Name)
}

// capabilities is the object capabilities of a SecurityContext, whose members
// are fields of their own.
type capabilities SecurityContext

func (s *capabilities) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		into := (*SecurityContext)(s).note("capabilities.", name)
		if string(name) == "add" {
			return &s.AddedCapabilities
		}
		return into
	})
}

// windowsSecurityContextOptions is the object windowsOptions of a SecurityContext.
type windowsSecurityContextOptions SecurityContext

func (s *windowsSecurityContextOptions) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "runAsUserName":
			return &s.RunAsUserName
		case "hostProcess":
			return &s.HostProcess
		}
		return nil
	})
}
