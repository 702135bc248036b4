// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
	"github.com/caseharden/caseharden/mutate"
)

// The table of custom kinds is in order, and leaves the kinds of the Kubernetes API to
// the webhook's own table.
func TestCustomKinds(t *testing.T) {
	compare := func(a, b customKind) int { return strings.Compare(a.group+"/"+a.kind, b.group+"/"+b.kind) }
	if !slices.IsSortedFunc(customKinds, compare) || len(slices.CompactFunc(slices.Clone(customKinds), func(a, b customKind) bool { return compare(a, b) == 0 })) != len(customKinds) {
		t.Error("the custom kinds are not in order, or one is there twice")
	}
	for _, k := range customKinds {
		for _, path := range k.paths {
			if !strings.HasPrefix(path, "spec.") {
				t.Errorf("%s: the template at %s is not in the spec", k.kind, path)
			}
		}
		if slices.ContainsFunc(mutate.TemplateKinds(), func(own mutate.TemplateKind) bool { return own.Group == k.group }) {
			t.Errorf("%s is of a group of the Kubernetes API", k.kind)
		}
	}
}

// The list of custom kinds in the documentation is made from the table.
func TestCustomKindsAreDocumented(t *testing.T) {
	var lines strings.Builder
	for i, k := range customKinds {
		switch {
		case i == 0:
			fmt.Fprintf(&lines, "  - `%s`: %s", k.group, k.kind)
		case k.group != customKinds[i-1].group:
			fmt.Fprintf(&lines, "\n  - `%s`: %s", k.group, k.kind)
		default:
			lines.WriteString(", " + k.kind)
		}
	}
	doctest.Check(t, "../../docs/preview.md", "custom kinds", "./preview/manifest", lines.String()+"\n  ")
}
