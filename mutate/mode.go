// SPDX-License-Identifier: Apache-2.0

package mutate

// A Mode is how a namespace has opted in: by which of the three labels.
type Mode string

// The modes. Only Enforce changes pods.
const (
	Enforce Mode = "enforce"
	Warn    Mode = "warn"
	Audit   Mode = "audit"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Enforce, Warn, Audit} }
