// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// lineWidth is how long the lines of an expression should be.
const lineWidth = 110

// breaks are the operators at which long lines are broken, from the weakest on.
var breaks = []string{" ? ", " : ", " || ", " && ", " + ", ", "}

// layOut breaks the long lines of an expression at its weakest operators, outside of texts. A
// comment stays as it is.
func layOut(expression string) string {
	var lines []string
	for line := range strings.SplitSeq(expression, "\n") {
		lines = append(lines, layOutLine(line)...)
	}
	return strings.Join(lines, "\n")
}

func layOutLine(line string) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if len(line) <= lineWidth || strings.HasPrefix(line[len(indent):], "//") {
		return []string{line}
	}
	at := breakPoints(line)
	if len(at) == 0 {
		return []string{line}
	}
	var lines []string
	rest, from := line, 0
	for _, i := range append(at, len(line)) {
		part := strings.TrimRight(line[from:i], " ")
		if from > 0 {
			part = indent + "  " + strings.TrimLeft(part, " ")
		}
		if len(part) < len(rest) {
			lines = append(lines, layOutLine(part)...)
		} else {
			lines = append(lines, part)
		}
		from = i
	}
	return lines
}

// breakPoints returns where to break a line: at the weakest operator of those that the fewest
// brackets are around.
func breakPoints(line string) []int {
	type place struct{ depth, operator, at int }
	var places []place
	depth, inText := 0, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case inText != 0 && c == '\\':
			i++
			continue
		case inText != 0:
			if c == inText {
				inText = 0
			}
			continue
		case c == '"' || c == '\'':
			inText = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		}
		for rank, operator := range breaks {
			if i > 0 && strings.TrimSpace(line[:i]) != "" && strings.HasPrefix(line[i:], operator) {
				p := place{depth, rank, i}
				switch operator {
				case ", ": // stays on its line, and is the last resort, as most separate short arguments
					p.depth, p.at = depth+1, i+1
				case " : ": // as weak as what it belongs to
					p.operator = 0
				}
				places = append(places, p)
			}
		}
	}
	if len(places) == 0 {
		return nil
	}
	weakest := places[0]
	for _, p := range places {
		if p.depth < weakest.depth || p.depth == weakest.depth && p.operator < weakest.operator {
			weakest = p
		}
	}
	var at []int
	for _, p := range places {
		if p.depth == weakest.depth && p.operator == weakest.operator {
			at = append(at, p.at)
		}
	}
	return at
}
