// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// writeTable writes a line for each workload, riskiest first, then what may break, then
// totals; or the part of it that the style asks for.
func writeTable(w io.Writer, r *preview.Report, s Style) error {
	out := &printer{term.Printer{W: w, Paint: painter(s.Colour), Width: max(leastWidth, cmp.Or(s.Width, 100))}}
	switch {
	case s.Explain != nil:
		for i, w := range s.Explain {
			if i > 0 {
				out.Line("")
			}
			out.explain(w)
		}
		return out.Err
	case !s.Summary:
		groups := grouped(preview.ByRisk(r.Workloads))
		out.workloads(r, groups)
		out.findings(r, groups)
	}
	out.totals(r, s.Summary)
	out.notices(r)
	return out.Err
}

// notices names the exceptions of the profile that somebody should look at again.
func (out *printer) notices(r *preview.Report) {
	lines, more := r.NoticeLines()
	if len(lines) == 0 {
		return
	}
	out.Line("")
	out.Line("%s", out.Paint(bold, "NOTICES"))
	for _, line := range lines {
		out.Wrapped(plain, "  - ", line)
	}
	if more > 0 {
		out.Line("  - and %d more: -o json", more)
	}
}

// workloads writes a line for each workload, or for the pods of a controller that come out
// alike, with the legend behind them.
//
//	KIND         NAME           INJECTS  PE CAP RO NR UID SEC  POD SECURITY
//	StatefulSet  shop/database        4  ?  H   M  -  -   ?    baseline
func (out *printer) workloads(r *preview.Report, groups []*group) {
	t := newWorkloadTable(r)
	folded := false
	for _, g := range groups {
		if g.first.Excluded == "" {
			t.add(g)
			folded = folded || g.more > 0
		}
	}
	if len(t.rows) == 0 {
		return
	}
	t.fit(out.Width)
	out.Line("%s", out.Paint(bold, t.head()))
	for i := range t.rows {
		t.write(out, &t.rows[i])
	}
	out.Line("")
	out.legend(t, folded)
	out.Line("")
}

func (out *printer) legend(t *workloadTable, folded bool) {
	var words []string
	for _, m := range marks() {
		words = append(words, m.character+together+strings.ReplaceAll(m.meaning, " ", together))
	}
	out.Wrapped(faint, "", "Verdicts: "+strings.Join(words, ", ")+".")
	words = nil
	for i, f := range t.fields {
		words = append(words, t.heads[i]+together+f)
	}
	out.Wrapped(faint, "", "Settings: "+strings.Join(words, ", ")+".")
	if folded {
		out.Wrapped(faint, "", "(+N): N more pods of the controller come out alike.")
	}
}

// A workloadTable is the table of workloads before it is written.
type workloadTable struct {
	fields, heads []string
	rows          []workloadRow
	kind, name    int // widths
	level         int
	short         bool // levels are shortened
	tight         bool // all is
}

type workloadRow struct {
	kind, name    string
	inject        int
	marks         []mark
	before, after string
}

func newWorkloadTable(r *preview.Report) *workloadTable {
	t := &workloadTable{kind: len("KIND"), name: len("NAME")}
	for _, f := range r.Summary.Fields {
		t.fields = append(t.fields, f.Field)
		t.heads = append(t.heads, shortName(f.Field))
	}
	return t
}

func (t *workloadTable) add(g *group) {
	row := workloadRow{
		kind: text.Visible(g.first.Kind), name: fullName(g.first), marks: make([]mark, len(t.fields)),
		before: g.first.PodSecurity.Before, after: g.first.PodSecurity.After,
	}
	if g.more > 0 {
		row.name += fmt.Sprintf(" (+%d)", g.more)
	}
	ranks := make([]int, len(t.fields))
	for i := range row.marks {
		row.marks[i] = notInjected
	}
	g.first.EachDecision(func(d preview.Decision) {
		if defaults.Outcome(d.Outcome) != defaults.Inject {
			return
		}
		row.inject++
		i := slices.Index(t.fields, d.Field)
		if i < 0 {
			return
		}
		if rank := cellRank(d); rank > ranks[i] {
			row.marks[i], ranks[i] = markOf(d.Verdict, d.Severity), rank
		}
	})
	t.kind, t.name = max(t.kind, utf8.RuneCountInString(row.kind)), max(t.name, utf8.RuneCountInString(row.name))
	t.rows = append(t.rows, row)
}

// cellRank ranks what several containers have of one setting: one that is unknown leaves
// the setting unknown, although another one fits.
func cellRank(d preview.Decision) int {
	switch markOf(d.Verdict, d.Severity).meaning {
	case "fits":
		return 1
	case "unknown":
		return 2
	}
	return preview.Rank(d.Verdict, d.Severity)
}

// The columns that names and kinds may be broken to.
const (
	leastName = 15
	leastKind = 11
)

// fit makes the table as narrow as needed: first by shorter levels, then by numbers in place
// of the names of settings, then by breaking long kinds and names, then by smaller gaps.
func (t *workloadTable) fit(width int) {
	for _, row := range t.rows {
		t.level = max(t.level, utf8.RuneCountInString(levels(row.before, row.after, false)))
	}
	t.level = max(t.level, len("POD SECURITY"))
	if t.short = t.around()+t.name > width; t.short {
		t.level = len("POD SECURITY")
	}
	if t.around()+min(t.name, leastName) > width {
		for i := range t.heads {
			t.heads[i] = string("123456789abcdefghijklmnopqrstuvwxyz"[i%35])
		}
	}
	if t.around()+min(t.name, leastName) > width {
		t.kind = min(t.kind, leastKind)
	}
	if t.tight = t.around()+min(t.name, leastName) > width; t.tight {
		t.level = len("base→restr") - len("→") + 1
	}
	t.name = min(t.name, max(leastName, width-t.around()))
}

// around returns the width of all columns but that of the names.
func (t *workloadTable) around() int {
	injects, marks, _ := t.words()
	return t.kind + 2 + 2 + len(injects) + 2 + utf8.RuneCountInString(marks) + 2 + t.level
}

// words returns the heads of all columns but the first two.
func (t *workloadTable) words() (injects, marks, level string) {
	if t.tight {
		return "INJ", strings.Join(t.heads, ""), "POD SEC."
	}
	return "INJECTS", strings.Join(t.heads, " "), "POD SECURITY"
}

func (t *workloadTable) head() string {
	injects, marks, level := t.words()
	return padded("KIND", t.kind) + "  " + padded("NAME", t.name) + "  " + injects + "  " + marks + "  " + level
}

func (t *workloadTable) write(out *printer, row *workloadRow) {
	var cells strings.Builder
	for i, m := range row.marks {
		cells.WriteString(out.Paint(m.shade, m.character))
		if !t.tight {
			cells.WriteString(strings.Repeat(" ", utf8.RuneCountInString(t.heads[i])))
		}
	}
	injects, _, _ := t.words()
	level := levels(row.before, row.after, t.short)
	if t.tight {
		level = " " + strings.ReplaceAll(level, " ", "")
	}
	kinds, names := breakName(row.kind, t.kind), breakName(row.name, t.name)
	for i := range max(len(kinds), len(names)) {
		var kind, name string
		if i < len(kinds) {
			kind = kinds[i]
		}
		if i < len(names) {
			name = names[i]
		}
		if i > 0 {
			out.Line("%s", strings.TrimRight(padded(kind, t.kind)+"  "+name, " "))
			continue
		}
		out.Line("%s  %s  %*d  %s %s", padded(kind, t.kind), padded(name, t.name), len(injects), row.inject, cells.String(), level)
	}
}

// levels returns the Pod Security level before and after.
func levels(before, after string, short bool) string {
	if short {
		shortened := map[string]string{"privileged": "priv", "baseline": "base", "restricted": "restr"}
		before, after = cmp.Or(shortened[before], before), cmp.Or(shortened[after], after)
	}
	if before == after {
		return after
	}
	return before + " → " + after
}
