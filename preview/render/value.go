// SPDX-License-Identifier: Apache-2.0

package render

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// compact writes a value as YAML on one line would have it.
func compact(value []byte) string {
	var b strings.Builder
	structure := strings.NewReplacer(",", ", ", ":", ": ")
	at := 0
	for _, span := range jsonString.FindAllIndex(value, -1) {
		b.WriteString(structure.Replace(string(value[at:span[0]])))
		at = span[1]
		s := string(value[span[0]:span[1]])
		if plainText.MatchString(s) {
			s = s[1 : len(s)-1]
		}
		b.WriteString(text.Visible(s))
	}
	b.WriteString(structure.Replace(string(value[at:])))
	return b.String()
}

var (
	jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	plainText  = regexp.MustCompile(`^"[A-Za-z_/][A-Za-z0-9_./-]*"$`) // needs no quotes in YAML
)
