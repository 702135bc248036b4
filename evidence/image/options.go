// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"
	"sync/atomic"

	"github.com/caseharden/caseharden/evidence/image/source"
)

// Options say what is read, and from where.
type Options struct {
	ConfigOnly  bool              // no layers
	Local       map[string]string // content of images by their names: oci:DIR, oci-archive:FILE or docker-archive:FILE
	Platform    string            // os/arch or os/arch/variant; empty: what Read says
	Authorities []byte            // certificates to trust in addition to those of the system, in PEM
	Insecure    []string          // hosts that may be spoken to without TLS, in addition to loopback
	Credentials *source.Credentials
	CacheDir    string // of the store; empty is a temporary one
	Parallel    int    // images at the same time; 0 is four
}

// An OptionError says which of the [Options] is wrong.
type OptionError struct {
	Option string // the name of the field
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *OptionError) Unwrap() error { return e.Err }

// Unused returns the names of [Options.Local] that no image had so far.
func (r *Reader) Unused() []string {
	var names []string
	for _, l := range r.local {
		if !l.used.Load() {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}

type localContent struct {
	name, where string // as they were given
	used        atomic.Bool
}
