// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/doctest"
	"github.com/caseharden/caseharden/preview"
)

// The list of marks in the documentation is made from the marks, and from the meanings of the
// verdicts for which they stand.
func TestMarksAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| mark | verdict | what it means |\n|---|---|---|\n")
	for _, m := range preview.VerdictMeanings() {
		var characters []string
		severities := slices.Clone(preview.Severities())
		slices.Reverse(severities)
		for _, s := range severities {
			if c := "`" + markOf(m.Verdict, s).character + "`"; !slices.Contains(characters, c) {
				characters = append(characters, c)
			}
		}
		if len(characters) == 3 != (m.Verdict == evidence.Risk) {
			t.Errorf("%s has the marks %q", m.Verdict, characters)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", strings.Join(characters, ", "), m.Verdict, m.Text)
	}
	fmt.Fprintf(&b, "| `%s` | | %s |\n", notInjected.character, notInjected.meaning)
	doctest.Check(t, "../../docs/preview.md", "marks", "./preview/render", b.String())
}
