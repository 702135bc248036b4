// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/status"
)

// leastWidth is the least number of columns that a table is written for.
const leastWidth = 80

// mostWorkloads is how many workloads and findings a table has.
const mostWorkloads = 50

// A table writes a report for people.
type table struct {
	*term.Printer
	several bool // clusters
}

// writeTable writes clusters one after the other, and totals.
func writeTable(w io.Writer, r *status.Report, s Style) error {
	t := table{&term.Printer{W: w, Paint: term.Painter(s.Colour), Width: max(leastWidth, cmp.Or(s.Width, 100))}, len(r.Clusters) > 1}
	if s.Explain != "" {
		return t.explain(r, s.Explain)
	}
	for i := range r.Clusters {
		if i > 0 {
			t.Line("")
		}
		t.cluster(&r.Clusters[i])
	}
	t.Line("")
	t.totals(&r.Summary)
	return t.Err
}

func (t table) cluster(c *status.Cluster) {
	name := "Cluster " + c.Server
	if c.Name != "" {
		name = "Cluster " + c.Name + " (" + c.Server + ")"
	}
	t.Line("%s", t.Paint(term.Bold, text.Visible(name)))
	if c.Error != "" {
		t.Wrapped(term.Alarm, "  ", "Could not be read: "+oneLine(c.Error))
		return
	}
	t.install(&c.Install)
	t.namespaces(c)
	t.workloads(c)
	t.findings(c)
	t.waste(c)
	t.writes(c)
	t.unseen(c)
}

func (t table) install(i *status.Install) {
	switch {
	case i.Configuration == "" && i.Seen:
		t.Line("  Webhook: not installed")
	case i.Configuration == "":
		t.Line("  Webhook: not known, since you may not read webhook configurations")
	default:
		words := []string{text.Visible(i.Configuration)}
		if i.Version != "" {
			words[0] += " " + text.Visible(i.Version)
		}
		if i.Replicas > 0 {
			words = append(words, fmt.Sprintf("%d of %s ready", i.Ready, text.Count(i.Replicas, "replica")))
		}
		if i.Endpoints != nil {
			words = append(words, fmt.Sprintf("%d of %s ready", i.Endpoints.Ready, text.Count(i.Endpoints.All, "endpoint")))
		}
		if len(i.FailurePolicy) > 0 {
			words = append(words, "failurePolicy "+strings.Join(i.FailurePolicy, " and "))
		}
		if i.CAUntil != nil {
			words = append(words, "CA valid until "+i.CAUntil.UTC().Format(time.DateOnly))
		}
		t.Wrapped(term.Plain, "  Webhook: ", strings.Join(words, "; "))
		t.Wrapped(term.Plain, "  Profiles: ", text.Visible(strings.Join(i.Profiles, ", ")))
		for _, image := range i.Images {
			t.Line("  Image: %s", text.Visible(image))
		}
	}
	t.problems("  ", i.Problems)
}

func (t table) problems(indent string, problems []status.Problem) {
	for _, p := range problems {
		t.Wrapped(shadeOf(evidence.Risk, p.Severity), indent+"Problem: ", sentence(p.What)+" Fix: "+sentence(p.Fix))
	}
}

// namespaces writes a line for each namespace that asks for a profile.
func (t table) namespaces(c *status.Cluster) {
	t.Line("")
	if len(c.Namespaces) == 0 {
		t.Wrapped(term.Plain, "", "No namespace has a label of Caseharden. Label one: kubectl label namespace NAME caseharden.io/audit=hardened")
		return
	}
	rows := [][]string{{"NAMESPACE", "ENFORCE", "WARN", "AUDIT", "PODS", "HARDENED", "LACKING", "UNWELL", "NEXT RESTART"}}
	var shades []term.Shade
	for i := range c.Namespaces {
		n := &c.Namespaces[i]
		lacking, unwell := 0, 0
		counts := status.NextCounts{}
		for j := range n.Workloads {
			w := &n.Workloads[j]
			lacking += w.Lacks()
			if w.Unwell() {
				unwell++
			}
			if w.Next != nil && w.Next.Verdict == evidence.Breaks {
				counts.Breaks++
			} else if w.Next != nil && w.Next.Verdict == evidence.Risk {
				counts.Risk++
			}
		}
		var next []string
		if counts.Breaks > 0 {
			next = append(next, fmt.Sprintf("%d breaks", counts.Breaks))
		}
		if counts.Risk > 0 {
			next = append(next, fmt.Sprintf("%d at risk", counts.Risk))
		}
		rows = append(rows, []string{text.Visible(n.Name), profile(n, "enforce"), profile(n, "warn"), profile(n, "audit"),
			fmt.Sprint(n.Pods), fmt.Sprint(n.States[status.Hardened] + n.States[status.ByAuthor]), fmt.Sprint(lacking), fmt.Sprint(unwell), cmp.Or(strings.Join(next, ", "), "-")})
		shade := term.Plain
		switch {
		case unwell > 0:
			shade = term.Red
		case lacking > 0 || len(n.Problems) > 0:
			shade = term.Yellow
		}
		shades = append(shades, shade)
	}
	t.rows(rows, shades)
	if c.Others > 0 {
		t.Line("%s", t.Paint(term.Faint, text.Count(c.Others, "other namespace")+" without a label."))
	}
	for i := range c.Namespaces {
		for _, p := range c.Namespaces[i].Problems {
			t.Wrapped(shadeOf(evidence.Risk, p.Severity), text.Visible(c.Namespaces[i].Name)+": ", sentence(p.What)+" Fix: "+sentence(p.Fix))
		}
	}
}

func profile(n *status.NamespaceReport, mode string) string {
	return cmp.Or(text.Visible(n.Profiles[mode]), "-")
}

// workloads writes a line for each workload that needs a look.
func (t table) workloads(c *status.Cluster) {
	rows := [][]string{{"KIND", "NAME", "PODS", "HARDENED", "NOT HARDENED", "NEXT RESTART"}}
	var shades []term.Shade
	left := 0
	for i := range c.Namespaces {
		n := &c.Namespaces[i]
		for j := range n.Workloads {
			w := &n.Workloads[j]
			switch {
			case !noteworthy(w):
				continue
			case len(rows) > mostWorkloads:
				left++
				continue
			}
			rows = append(rows, []string{text.Visible(w.Kind), text.Visible(w.Namespace + "/" + w.Name), fmt.Sprint(w.Pods), fmt.Sprint(w.States[status.Hardened]), cmp.Or(stateWords(w.States), "-"), nextWords(w.Next)})
			shade := term.Plain
			if w.Unwell() {
				shade = term.Red
			}
			shades = append(shades, shade)
		}
	}
	if len(rows) == 1 {
		return
	}
	t.Line("")
	t.rows(rows, shades)
	if left > 0 {
		t.Line("%s", t.Paint(term.Faint, fmt.Sprintf("and %d more: -o json or -o html", left)))
	}
}

// leastColumn is to what a column is narrowed.
const leastColumn = 8

// rows writes rows of cells in columns. Where the terminal is too narrow, the widest columns
// are narrowed, and their cells broken.
func (t table) rows(rows [][]string, shades []term.Shade) {
	widths := make([]int, len(rows[0]))
	total := 2 * (len(widths) - 1)
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	for ; total > t.Width; total-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastColumn {
			break
		}
		widths[widest]--
	}
	for i, row := range rows {
		shade := term.Bold
		if i > 0 {
			shade = shades[i-1]
		}
		broken := make([][]string, len(row))
		height := 0
		for j, cell := range row {
			for _, line := range term.Wrap(cell, widths[j]) {
				broken[j] = append(broken[j], term.BreakName(line, widths[j])...)
			}
			height = max(height, len(broken[j]))
		}
		for k := range height {
			cells := make([]string, len(row))
			for j := range row {
				cells[j] = term.Padded(at(broken[j], k), widths[j])
			}
			t.Line("%s", t.Paint(shade, strings.TrimRight(strings.Join(cells, "  "), " ")))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func (t table) totals(s *status.Summary) {
	words := []string{text.Count(s.Namespaces, "namespace"), text.Count(s.Workloads, "workload"), text.Count(s.Pods, "Pod") + ": " + fmt.Sprint(s.States[status.Hardened]) + " hardened"}
	if others := stateWords(s.States); others != "" {
		words[2] += ", " + others
	}
	line := strings.Join(words, ", ") + "."
	if t.several {
		line = text.Count(s.Clusters, "cluster") + ", " + line
	}
	t.Wrapped(term.Bold, "", line)
	switch {
	case s.Unwell > 0:
		t.Wrapped(term.Plain, "", fmt.Sprintf("%s not well; in %d of them a setting is suspected.", isAre(s.Unwell, "workload"), s.Suspects))
	default:
		t.Wrapped(term.Plain, "", "No container fails, as far as can be seen.")
	}
	if s.Next.Breaks+s.Next.Risk > 0 {
		t.Wrapped(term.Plain, "", fmt.Sprintf("At the next restart: %d would break, %d are at risk, of %d nothing is known.", s.Next.Breaks, s.Next.Risk, s.Next.Unknown))
	}
}

func isAre(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}
