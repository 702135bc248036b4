// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"unicode/utf8"
)

// leastWidth is the least number of columns that a text is wrapped to.
const leastWidth = 40

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

// together is a space at which no line is broken.
const together = "\u00a0"

// wrap breaks a text into lines at its spaces.
func wrap(text string, width int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		word = strings.ReplaceAll(word, together, " ")
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

// breakName breaks a name that is longer than the width, behind a character that is no
// letter and no digit where there is one.
func breakName(name string, width int) []string {
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

func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
