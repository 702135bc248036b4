// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible returns a text as it can go to a terminal: what would steer the terminal is
// spelt out.
func Visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || IsDirectionControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// IsDirectionControl reports whether a character turns the direction of the text around
// it, such as U+202E. (Letters of languages that are written from right to left are no
// such characters.)
func IsDirectionControl(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

// Count writes a number of things: "1 object", "2 objects".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
