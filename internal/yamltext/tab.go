// SPDX-License-Identifier: Apache-2.0

// Package yamltext says what is wrong in YAML files, and where: also what the YAML library
// does not tell.
package yamltext

import (
	"bytes"
	"regexp"
	"strings"
)

// indentedByTab matches a line that begins with a tab, also after spaces or after
// the dashes of a list.
var indentedByTab = regexp.MustCompile(`^[ -]*\t`)

// Tab is what to tell of a line that TabLine returns.
const Tab = "this line is indented with a tab: use spaces"

// TabLine returns the line, counted from 1, whose indentation by a tab is what an
// error of go.yaml.in/yaml is about; false if the error is about something else. The
// library calls a tab "found character that cannot start any token", or counts the line
// above.
func TabLine(text []byte, line int, message string) (int, bool) {
	anyLineBelow := strings.Contains(message, "found a tab character")
	if !anyLineBelow && !strings.Contains(message, "cannot start any token") {
		return 0, false
	}
	n := 0
	for content := range bytes.Lines(text) {
		if n++; n == line || n > line && anyLineBelow {
			if indentedByTab.Match(content) {
				return n, true
			}
		}
	}
	return 0, false
}
