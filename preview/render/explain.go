// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
)

// explain writes everything of one workload: every decision with its reason and verdict,
// every finding with its evidence, and what stands in the way of Pod Security's level
// restricted.
func (out *printer) explain(w *preview.Workload) {
	out.Wrapped(bold, "", fmt.Sprintf("%s %s (%s:%d)", text.Visible(w.Kind), fullName(w), manifest.ShownName(w.File), w.Line))
	if w.Owner != "" {
		out.Wrapped(plain, "  ", "Made by "+text.Visible(w.Owner)+".")
	}
	if w.Excluded != "" {
		out.Wrapped(plain, "  ", "Excluded: "+text.Visible(w.Excluded)+".")
		return
	}
	if w.Changed {
		m := markOf(w.Verdict, w.Severity)
		out.Line("  Worst verdict: %s", out.Paint(m.shade, m.meaning))
	} else {
		out.Line("  Unchanged: nothing would be injected.")
	}
	out.Line("  Pod Security: %s", levels(w.PodSecurity.Before, w.PodSecurity.After, false))
	if len(w.Pod) > 0 {
		out.decisions("The pod", w.Pod, nil)
	}
	for _, c := range w.Containers {
		who := "Container "
		if c.Type != string(defaults.Regular) {
			who = strings.ToUpper(c.Type[:1]) + c.Type[1:] + " container "
		}
		who += text.Visible(c.Name)
		if c.Image != "" {
			who += ", image " + text.Visible(c.Image)
		}
		out.decisions(who, c.Decisions, c.WritablePaths)
	}
	findings := slices.Clone(w.Findings)
	slices.SortStableFunc(findings, func(a, b evidence.Finding) int {
		return preview.Rank(b.Verdict, b.Severity) - preview.Rank(a.Verdict, a.Severity)
	})
	causes := hazard.CausesByID()
	for i := range findings {
		out.finding(&findings[i], causes)
	}
	if len(w.PodSecurity.Missing) > 0 {
		out.Line("\n  %s", out.Paint(bold, "In the way of Pod Security level restricted"))
	}
	for _, missing := range w.PodSecurity.Missing {
		out.Wrapped(plain, "  - ", text.Visible(missing))
	}
}

// decisions writes a line for each decision: the outcome, the setting with its value, and
// the verdict or the reason.
func (out *printer) decisions(who string, decisions []preview.Decision, writable []string) {
	out.Line("")
	out.Wrapped(bold, "  ", who)
	type line struct {
		outcome, setting, why string
		shade                 shade
	}
	var lines []line
	widths := map[string]int{} // by outcome
	for _, outcome := range []defaults.Outcome{defaults.Inject, "mount", defaults.Leave, defaults.Skip} {
		if outcome == "mount" {
			for _, path := range writable {
				lines = append(lines, line{"mount", "an emptyDir at " + text.Visible(path), "", plain})
			}
			continue
		}
		for _, d := range decisions {
			if defaults.Outcome(d.Outcome) != outcome {
				continue
			}
			l := line{d.Outcome, d.Field, d.Reason, plain}
			if d.Because != "" {
				l.why += ": " + strings.ReplaceAll(text.Visible(d.Because), "`", "")
			}
			if outcome == defaults.Inject {
				m := markOf(d.Verdict, d.Severity)
				l.setting, l.why, l.shade = l.setting+": "+compact(d.Value), m.meaning, m.shade
			}
			lines = append(lines, l)
		}
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.setting); n <= 44 {
			widths[l.outcome] = max(widths[l.outcome], n)
		}
	}
	for _, l := range lines {
		first := fmt.Sprintf("    %-6s  %s  ", l.outcome, padded(l.setting, widths[l.outcome]))
		if l.why == "" {
			out.Line("%s", strings.TrimRight(first, " "))
			continue
		}
		if utf8.RuneCountInString(first+l.why) > out.Width && utf8.RuneCountInString(first) > out.Width/2 {
			out.Line("%s", strings.TrimRight(first, " "))
			first = strings.Repeat(" ", 12)
		}
		out.Wrapped(l.shade, first, l.why)
	}
}

// finding writes a finding with its evidence.
func (out *printer) finding(f *evidence.Finding, causes map[string]evidence.Cause) {
	m := markOf(f.Verdict, f.Severity)
	head := m.meaning + ": " + text.Visible(f.ID)
	if title := causes[f.ID].Title; title != "" {
		head += ": " + title
	}
	if f.Container != "" {
		head += ", container " + text.Visible(f.Container)
	}
	out.Line("")
	out.Wrapped(m.shade, "  ", head)
	out.Wrapped(plain, "    ", "What: "+capitalized(text.Visible(f.What)))
	if len(f.Settings) > 0 {
		out.Wrapped(plain, "    ", "Settings: "+text.Visible(strings.Join(f.Settings, ", ")))
	}
	for _, e := range f.Evidence {
		line := fmt.Sprintf("Evidence (%s): %s", e.Source, text.Visible(e.Text))
		if e.Text == f.What {
			line = "Evidence: " + string(e.Source)
		}
		for _, at := range []string{e.Path, e.Where} {
			if at != "" && !strings.Contains(e.Text, at) {
				line += ", " + text.Visible(at)
			}
		}
		out.Wrapped(plain, "    ", line)
	}
	if f.Fix != "" {
		out.Wrapped(plain, "    ", "Fix: "+capitalized(text.Visible(f.Fix)))
	}
	if words := exceptionWords(f.Exception); words != "" {
		out.Wrapped(plain, "    ", "Exception: "+words)
	}
}

// exceptionWords writes an exception on one line, as YAML has it.
func exceptionWords(e *evidence.Exception) string {
	if e == nil {
		return ""
	}
	var words []string
	list := func(name string, items []string) {
		if len(items) > 0 {
			words = append(words, name+": ["+text.Visible(strings.Join(items, ", "))+"]")
		}
	}
	list("leave", e.Leave)
	var values []string
	for _, name := range sortedKeys(e.Container) {
		values = append(values, text.Visible(name)+": "+compact(e.Container[name]))
	}
	if len(values) > 0 {
		words = append(words, "container: {"+strings.Join(values, ", ")+"}")
	}
	list("writablePaths", e.WritablePaths)
	list("capabilities.add, in the manifest", e.Add)
	return strings.Join(words, "; ")
}
