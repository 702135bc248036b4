// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/trial"
)

// maxLine bounds what is shown of a line of a log.
const maxLine = 160

// writeTable writes, for each workload, what was found out about each setting:
//
//	Deployment shop/web, profile hardened: exceptions are needed
//	  container web
//	    readOnlyRootFilesystem   works    with /tmp writable
//	                                      touch: /tmp/x: Read-only file system
func writeTable(w io.Writer, reports []*trial.Report) error {
	out := &printer{w: w}
	for i, r := range reports {
		if i > 0 {
			out.line("")
		}
		out.report(r)
	}
	return out.err
}

func workload(r *trial.Report) string {
	return text.Visible(r.Workload.Kind + " " + r.Workload.Namespace + "/" + r.Workload.Name)
}

// printer writes lines, and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (out *printer) line(format string, args ...any) {
	if out.err == nil {
		_, out.err = fmt.Fprintf(out.w, format+"\n", args...)
	}
}

func (out *printer) report(r *trial.Report) {
	out.line("%s, profile %s: %s", workload(r), text.Visible(r.Profile), r.Conclusion)
	out.line("%s", oneLine(r.Sentence))
	if len(r.Settings) > 0 {
		out.line("")
		rows := [][]string{{"CONTAINER", "SETTING", "RESULT", "INSTEAD", "DECIDING LINE"}}
		for _, s := range r.Settings {
			container := s.Container
			if container == "" {
				container = "(pod)"
			}
			rows = append(rows, []string{text.Visible(container), s.Field, result(s), text.Visible(s.Instead), text.Shorten(oneLine(s.Line), maxLine)})
		}
		out.columns(rows)
	}
	out.line("")
	out.evidence(r)
	for _, note := range r.Notes {
		out.line("Note: %s", oneLine(note))
	}
}

// columns writes rows as columns, which end where the longest cell does.
func (out *printer) columns(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+3))
		}
		out.line("%s", strings.TrimRight(line.String(), " "))
	}
}

func result(s trial.Setting) string {
	switch s.Verdict {
	case evidence.Fits:
		return "works"
	case evidence.Breaks:
		return "breaks"
	}
	return "not decided"
}

func (out *printer) evidence(r *trial.Report) {
	copies := "copies"
	if len(r.Runs) == 1 {
		copies = "copy"
	}
	out.line("%d %s ran.", len(r.Runs), copies)
	for _, p := range r.Proof {
		out.line("Proven: %s: %s (%d s).", text.Visible(p.What), text.Visible(p.Why), p.Seconds)
	}
	if r.Evidence.Exercised != "" {
		out.line("Each copy was exercised by: %s.", text.Visible(r.Evidence.Exercised))
	}
	node := r.Evidence.Node
	if node.Name != "" {
		words := "node " + node.Name
		for _, fact := range []string{node.Runtime, node.Kernel, node.Kubelet} {
			if fact != "" {
				words += ", " + fact
			}
		}
		out.line("On %s; copies had to stay ready for %s.", text.Visible(words), r.Evidence.Held)
	}
	for _, c := range sortedKeys(r.Evidence.Images) {
		out.line("Container %s ran %s", text.Visible(c), text.Visible(r.Evidence.Images[c]))
	}
}

// oneLine returns a text as one line that is safe on a terminal.
func oneLine(s string) string { return text.Visible(strings.Join(strings.Fields(s), " ")) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
