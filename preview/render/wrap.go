// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/caseharden/caseharden/internal/term"
)

// leastWidth is the least number of columns that a text is wrapped to.
const leastWidth = 40

// together is a space at which no line is broken.
const together = term.Together

func breakName(name string, width int) []string { return term.BreakName(name, width) }

func padded(text string, width int) string { return term.Padded(text, width) }
