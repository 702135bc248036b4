// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The list of verdicts in the documentation is made from their meanings.
func TestVerdictsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| verdict | means |\n|---|---|\n")
	for _, m := range VerdictMeanings() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Verdict, m.Text)
	}
	doctest.Check(t, "../docs/hazards.md", "verdicts", "./preview", b.String())
}
