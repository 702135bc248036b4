// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"slices"
	"strings"
)

// listed joins words as a sentence does: "a", "a and b", "a, b and c".
func listed(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(w)
	}
	return b.String()
}

// few lists at most four words, and counts the rest.
func few(words []string) string {
	const most = 4
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return listed(words)
}

// unique drops repetitions and keeps the order.
func unique(words []string) []string {
	var kept []string
	for _, w := range words {
		if !slices.Contains(kept, w) {
			kept = append(kept, w)
		}
	}
	return kept
}

func words(text string) []string { return strings.Fields(text) }
