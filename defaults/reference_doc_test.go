// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The tables of decisions and conflicts in docs/reference.md are made from the reasons and the
// catalogue.
func TestReferenceIsCurrent(t *testing.T) {
	doctest.Check(t, "../docs/reference.md", "decisions", "./defaults", decisionTable())
	doctest.Check(t, "../docs/reference.md", "conflicts", "./defaults", conflictTable())
}

// decisionTable has a row for each reason, and one row for all conflicts.
func decisionTable() string {
	conflicts := map[Reason]bool{}
	for _, f := range Fields() {
		for _, c := range f.Conflicts {
			conflicts[c.Reason] = true
		}
	}
	var b strings.Builder
	b.WriteString("| when | outcome | reason |\n|---|---|---|\n")
	listed := false
	for _, r := range Reasons() {
		switch {
		case !conflicts[r]:
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", r.Sentence(), outcomeOf(r), r)
		case !listed:
			fmt.Fprintf(&b, "| A conflict of the setting holds: see the table below. | %s | that of the conflict |\n", Skip)
			listed = true
		}
	}
	return b.String()
}

// outcomeOf returns the outcome that decide gives with a reason.
func outcomeOf(r Reason) Outcome {
	switch r {
	case SetOnContainer, SetOnPod:
		return Leave
	case Unset:
		return Inject
	}
	return Skip
}

func conflictTable() string {
	var b strings.Builder
	b.WriteString("| setting | skipped when | reason | because |\n|---|---|---|---|\n")
	for _, f := range Fields() {
		name := fmt.Sprintf("`%s`", f.Name)
		for _, c := range f.Conflicts {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", name, c.When, c.Reason, c.Because)
			name = ""
		}
	}
	return b.String()
}
