// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"regexp"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The errors are those of the YAML library itself.
func TestTabLine(t *testing.T) {
	for text, want := range map[string]int{
		"a:\n\tb: 1\n":                      2,
		"a:\n  b: 1\n\tc: 2\n":              3,
		"a:\n  b: 1\n  \tc: 2\n":            3,
		"a:\n- x\n\t- y\n":                  3,
		"a: |\n\tfoo\n":                     2,
		"a: |\n  x\n\ty\n":                  3,
		"\ta: 1\n":                          1,
		"a:\n-\tb: 1\n  c: 2\n":             2,
		"-\t- 1\n":                          1,
		"a:\n \tb: 1\n":                     2,
		"a: 1\r\n\tb: 2\r\n":                2,
		"a: b\n\n\t\n":                      3,
		"# c\na:\n  b:\n\t# x\n\td: 1\n":    4,
		"a:\n  b: \"x\n\ty\"\n\tz: 1\n":     4, // the tab in line 3 is part of a string
		"a: 'x\n\ty'\nb:\n  c: 1\n\td: 2\n": 5,

		// Other errors.
		"a: @x\n\tb: 1\n":     0,
		"a: b\n c: d\n":       0,
		"a:\n  b:\tc: d\n":    0,
		"a:\n  b: %x\n\tc: 1": 0,
	} {
		var object any
		err := yaml.Unmarshal([]byte(text), &object)
		if err == nil {
			t.Errorf("%q is YAML", text)
			continue
		}
		line := 1
		if match := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error()); match != nil {
			line, _ = strconv.Atoi(match[1])
		}
		if got, found := TabLine([]byte(text), line, err.Error()); got != want || found != (want > 0) {
			t.Errorf("TabLine of %q = %d, %t, want %d (%v)", text, got, found, want, err)
		}
	}
}
