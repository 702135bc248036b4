// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The page of hazards is made from the rules. Each finding has a heading, which is its ID, so
// that hazards.md#ID links to it.
func TestHazardsDocumentIsCurrent(t *testing.T) {
	var b strings.Builder
	for _, h := range Causes() {
		fmt.Fprintf(&b, "### %s\n\n**%s**", h.ID, h.Title)
		if len(h.Settings) > 0 {
			fmt.Fprintf(&b, " (`%s`)", strings.Join(h.Settings, "`, `"))
		}
		fmt.Fprintf(&b, "\n\n- Holds when: %s\n- Because: %s\n- Fix: %s\n\n", h.When, h.Because, h.Fix)
	}
	doctest.Check(t, "../../docs/hazards.md", "hazards", "./preview/hazard", b.String())
}
