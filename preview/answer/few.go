// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"fmt"
	"strings"
)

// few are texts, each once, of which only the first are shown: a fleet may have thousands of
// workloads with the same need.
type few struct {
	seen  map[string]bool
	first []string
}

const mostShown = 3

func (f *few) add(texts ...string) {
	for _, text := range texts {
		if text == "" || f.seen[text] {
			continue
		}
		if f.seen == nil {
			f.seen = map[string]bool{}
		}
		f.seen[text] = true
		if len(f.first) < mostShown {
			f.first = append(f.first, text)
		}
	}
}

// addAll adds what the other has. Of that, the order of what is not shown is not known.
func (f *few) addAll(other few) {
	f.add(other.first...)
	for text := range other.seen {
		if f.seen[text] {
			continue
		}
		f.seen[text] = true // first is full, or it would be there
	}
}

// String names the first, and how many more there are.
func (f *few) String() string {
	shown := strings.Join(f.first, ", ")
	if more := len(f.seen) - len(f.first); more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return shown
}
