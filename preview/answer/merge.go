// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
)

// merge adds another need, of a container of an image. Of two values for a field neither is
// right for all: where one image needs both, the field is left. Where different images need
// them, such as two tags, the field stays as it is: to leave it would give up more than any
// of them needs. That is left open.
func (n *need) merge(other *need, image string) {
	maps.Copy(n.leave, other.leave)
	maps.Copy(n.paths, other.paths)
	for f, value := range other.values {
		asked := n.asked[f]
		if asked == nil {
			asked = map[string]*few{}
			n.asked[f] = asked
		}
		if asked[value] == nil {
			asked[value] = &few{}
		}
		asked[value].add(image)
		both := 0
		for _, images := range asked {
			if images.seen[image] {
				both++
			}
		}
		switch {
		case both > 1 && n.base.Fills(f):
			n.leave[f] = true
		case len(asked) > both:
			delete(n.values, f)
		default:
			n.values[f] = value
		}
	}
	n.settle()
}

// conflicts says of which fields different images need different values.
func (n *need) conflicts() (lines []string) {
	for _, f := range defaults.Fields() {
		if _, given := n.values[f]; given || n.leave[f] || len(n.asked[f]) < 2 {
			continue
		}
		var parts []string
		for _, value := range slices.Sorted(maps.Keys(n.asked[f])) {
			parts = append(parts, fmt.Sprintf("%s for %s", value, n.asked[f][value]))
		}
		lines = append(lines, fmt.Sprintf("images of one repository need different values, and an exception matches all its tags: set %s in the manifests: %s", f.Name, strings.Join(parts, ", ")))
	}
	return lines
}
