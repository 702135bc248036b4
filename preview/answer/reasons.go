// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
)

// A reason is why an exception is needed.
type reason struct {
	text string
	rank int // the worst has the highest
}

const mostReasons = 50

// reasons are all that an exception answers, each once.
type reasons []reason

func (r *reasons) add(more ...reason) {
	for _, m := range more {
		m.text = strings.Join(strings.Fields(m.text), " ")
		i := slices.IndexFunc(*r, func(old reason) bool { return old.text == m.text })
		switch {
		case i >= 0:
			(*r)[i].rank = max((*r)[i].rank, m.rank)
		case m.text != "" && len(*r) < mostReasons:
			*r = append(*r, m)
		}
	}
}

// line returns the reasons as one line, the worst first. A reason that does not fit is
// counted, and not cut: what is at its end may be what matters.
func (r reasons) line() string {
	sorted := slices.SortedStableFunc(slices.Values(r), func(a, b reason) int { return cmp.Compare(b.rank, a.rank) })
	var parts []string
	size, more := len("; and 50 more"), 0
	for _, s := range sorted {
		text := oneLine(s.text, profile.MaxLine)
		switch {
		case slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, text) }):
		case len(parts) > 0 && size+len(text)+len("; ") > profile.MaxLine:
			more++
		default:
			parts = append(parts, text)
			size += len(text) + len("; ")
		}
	}
	line := strings.Join(parts, "; ")
	if more > 0 {
		if tail := fmt.Sprintf("; and %d more", more); len(line)+len(tail) <= profile.MaxLine {
			line += tail
		}
	}
	return line
}

// rankOf ranks findings from the least to the worst.
func rankOf(f evidence.Finding) int {
	if f.Verdict == evidence.Breaks {
		return 4
	}
	return 1 + slices.Index([]evidence.Severity{evidence.Low, evidence.Medium, evidence.High}, f.Severity)
}
