// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/status"
)

// explain writes everything of the workloads with a name.
func (t table) explain(r *status.Report, name string) error {
	found := status.Find(r, name)
	if len(found) == 0 {
		return fmt.Errorf("--explain %q: no workload has this name. NAME, KIND/NAME or NAMESPACE/NAME names one", name)
	}
	for i, w := range found {
		if i > 0 {
			t.Line("")
		}
		t.everything(w)
	}
	return t.Err
}

func (t table) everything(w *status.Workload) {
	t.Line("%s", t.Paint(term.Bold, fullName(w.Ref)))
	t.Line("  %s, %d ready", text.Count(w.Pods, "Pod"), w.Ready)
	for _, s := range status.States() {
		if w.States[s] == 0 {
			continue
		}
		line := fmt.Sprintf("%d %s. %s", w.States[s], s.Short(), s.Sentence())
		if examples := w.Examples[s]; len(examples) > 0 {
			line += " Such as: " + text.Visible(strings.Join(examples, ", ")) + "."
		}
		t.Wrapped(term.Plain, "  - ", line)
	}
	for _, list := range []struct {
		words  string
		fields []string
	}{
		{"Pods lack", w.Missing}, {"Not as the record says", w.Changed}, {"Their author gave other values to", w.Left},
	} {
		if len(list.fields) > 0 {
			t.Wrapped(term.Plain, "  "+list.words+": ", strings.Join(list.fields, ", "))
		}
	}
	t.unwell(w)
	t.Line("")
	t.Wrapped(term.Plain, "  At the next restart: ", nextWords(w.Next))
	if w.Next == nil {
		return
	}
	if len(w.Next.Injects) > 0 {
		t.Wrapped(term.Plain, "  The webhook would fill in: ", strings.Join(w.Next.Injects, ", "))
	}
	if len(w.Next.Skips) > 0 {
		t.Wrapped(term.Plain, "  It would skip: ", strings.Join(w.Next.Skips, ", "))
	}
	for i := range w.Next.Findings {
		f := &w.Next.Findings[i]
		head := verdictWords(f.Verdict, f.Severity) + ": " + f.ID
		if f.Container != "" {
			head += ", container " + text.Visible(f.Container)
		}
		t.Wrapped(shadeOf(f.Verdict, f.Severity), "  - ", head+" ("+strings.Join(f.Settings, ", ")+"). "+sentence(f.What)+" Fix: "+sentence(f.Fix))
	}
}
