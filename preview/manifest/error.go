// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"

	"github.com/caseharden/caseharden/internal/text"
)

// An Error is about a file, or a document of it.
type Error struct {
	File     string `json:"file"`
	Document int    `json:"document,omitempty"` // from 1; 0: the file itself
	Line     int    `json:"line,omitempty"`     // in the file, from 1, where it is known
	Message  string `json:"message"`
}

// Error returns the error in the manner of compilers: FILE:LINE: document N:
// MESSAGE.
func (e Error) Error() string {
	at := ShownName(e.File)
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, e.Line)
	}
	if e.Document > 0 {
		at = fmt.Sprintf("%s: document %d", at, e.Document)
	}
	return at + ": " + text.Visible(e.Message)
}

// ShownName returns the name of a file as it can go to a terminal.
func ShownName(name string) string {
	if name == Stdin {
		return "stdin"
	}
	return text.Visible(name)
}
