// SPDX-License-Identifier: Apache-2.0

// Package term lays out text for terminals: paragraphs that are wrapped, names that are
// broken, and colours.
package term

import (
	"strings"
	"unicode/utf8"
)

// Together is a space at which [Wrap] breaks no line.
const Together = "\u00a0"

// Wrap breaks a text into lines at its spaces.
func Wrap(text string, width int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		word = strings.ReplaceAll(word, Together, " ")
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > width {
			lines = append(lines, line.String())
			line.Reset()
			used = 0
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(word)
		used += n
	}
	if used > 0 || len(lines) == 0 {
		lines = append(lines, line.String())
	}
	return lines
}

// BreakName breaks a name that is longer than the width, behind a character that is no
// letter and no digit where there is one.
func BreakName(name string, width int) []string {
	var parts []string
	rest := []rune(name)
	for len(rest) > width {
		at := width
		for i := width; i > width/2; i-- {
			if strings.ContainsRune("/-._ ", rest[i-1]) {
				at = i
				break
			}
		}
		parts = append(parts, string(rest[:at]))
		rest = rest[at:]
	}
	return append(parts, string(rest))
}

// Padded returns a text with spaces behind it, up to the width.
func Padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
