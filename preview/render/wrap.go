// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/internal/term"
)

// leastWidth is the least number of columns that a text is wrapped to.
const leastWidth = 40

// together is a space at which no line is broken.
const together = term.Together

// wrapped writes a paragraph within the width: its first line begins with first, and all
// others with as many spaces. A word that is longer than a line stays whole, so that it can
// be copied.
func (out *printer) wrapped(s shade, first, text string) {
	indent := utf8.RuneCountInString(first)
	for i, line := range wrap(text, out.width-indent) {
		if i > 0 {
			first = strings.Repeat(" ", indent)
		}
		out.line("%s", first+out.paint(s, line))
	}
}

func wrap(text string, width int) []string { return term.Wrap(text, width) }

func breakName(name string, width int) []string { return term.BreakName(name, width) }

func padded(text string, width int) string { return term.Padded(text, width) }
