// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/status"
)

// verdictWords says how bad something is.
func verdictWords(v evidence.Verdict, s evidence.Severity) string {
	switch v {
	case evidence.Breaks:
		return "breaks"
	case evidence.Risk:
		return string(s) + " risk"
	case "":
		return "same"
	}
	return string(v)
}

func shadeOf(v evidence.Verdict, s evidence.Severity) term.Shade {
	switch {
	case v == evidence.Breaks:
		return term.Alarm
	case v == evidence.Risk && s == evidence.High:
		return term.Red
	case v == evidence.Risk && s == evidence.Medium:
		return term.Yellow
	case v == evidence.Fits:
		return term.Green
	}
	return term.Plain
}

// stateWords counts Pods by state, without those that are hardened.
func stateWords(states map[status.State]int) string {
	var words []string
	for _, s := range status.States() {
		if n := states[s]; n > 0 && s != status.Hardened {
			words = append(words, fmt.Sprintf("%d %s", n, s.Short()))
		}
	}
	return strings.Join(words, ", ")
}

// nextWords says what the next restart brings, by its worst finding.
func nextWords(n *status.Next) string {
	if n == nil {
		return "not known"
	}
	words := verdictWords(n.Verdict, n.Severity)
	if len(n.Findings) > 0 && (n.Verdict == evidence.Breaks || n.Verdict == evidence.Risk) {
		words += ": " + n.Findings[0].ID
		if len(n.Findings) > 1 {
			words += fmt.Sprintf(" (+%d)", len(n.Findings)-1)
		}
	}
	return words
}

func fullName(r status.Ref) string { return text.Visible(r.Kind + " " + r.Namespace + "/" + r.Name) }

// sentence returns a text with a capital letter and a full stop.
func sentence(s string) string {
	if s = text.Visible(s); s == "" {
		return ""
	}
	first, _, _ := strings.Cut(s, " ")
	if !strings.ContainsAny(first, ".=/_") && strings.ToLower(first) == first {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.TrimSuffix(s, ".") + "."
}

// noteworthy reports whether a workload is shown in the table of those that need a look.
func noteworthy(w *status.Workload) bool {
	return w.Unwell() || w.Lacks() > 0 || w.Next != nil && preview.Rank(w.Next.Verdict, w.Next.Severity) >= preview.Rank(evidence.Risk, evidence.High)
}

// oneLine returns a text as one line that is safe on a terminal.
func oneLine(s string) string { return text.Visible(strings.Join(strings.Fields(s), " ")) }
