// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The list of hazards in the documentation is made from the rules.
func TestHazardsDocumentIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("| hazard | holds when | because | fix |\n|---|---|---|---|\n")
	for _, h := range Causes() {
		fmt.Fprintf(&b, "| **%s**<br>`%s` | %s | %s | %s |\n", h.Title, h.ID, h.When, h.Because, h.Fix)
	}
	doctest.Check(t, "../../docs/hazards.md", "hazards", "./preview/hazard", b.String())
}
