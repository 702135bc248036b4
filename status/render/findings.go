// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/internal/term"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/status"
)

// findings writes what does not run, with what is suspected:
//
//	breaks: Deployment shop/web, container web: runAsNonRoot (3 Pods)
//	  The kubelet does not start it.
//	  Evidence: …
//	  Before: …
//	  Fix: …
//	  To free it now:
//	  kubectl patch deployment web …
func (t table) findings(c *status.Cluster) {
	written := 0
	for i := range c.Namespaces {
		for j := range c.Namespaces[i].Workloads {
			w := &c.Namespaces[i].Workloads[j]
			if !w.Unwell() {
				continue
			}
			if written == 0 {
				t.Line("")
				t.Line("%s", t.Paint(term.Bold, "WHAT DOES NOT RUN"))
			}
			if written++; written <= mostWorkloads {
				t.unwell(w)
			}
		}
	}
	if written > mostWorkloads {
		t.Line("")
		t.Line("and %d more: -o json or -o html", written-mostWorkloads)
	}
}

func (t table) unwell(w *status.Workload) {
	for i := range w.Findings {
		f := &w.Findings[i]
		t.Line("")
		t.finding(w, f)
	}
	for _, u := range w.Unexplained {
		t.Line("")
		t.Wrapped(term.Plain, "", fmt.Sprintf("%s, container %s: %s (%s). No setting is suspected.", fullName(w.Ref), text.Visible(u.Container), oneLine(u.Why), text.Count(u.Pods, "Pod")))
		if u.Message != "" {
			t.Wrapped(term.Plain, "  ", oneLine(u.Message))
		}
		if u.Logs != "" {
			t.Wrapped(term.Plain, "  ", "Its log may tell more: --logs, or "+text.Visible(u.Logs))
		}
	}
	for _, message := range w.Failures {
		t.Line("")
		t.Wrapped(term.Plain, "", fullName(w.Ref)+": Pods cannot be created, and neither Caseharden nor Pod Security is the reason.")
		t.Wrapped(term.Plain, "  ", oneLine(message))
	}
}

func (t table) finding(w *status.Workload, f *status.Finding) {
	head := verdictWords(f.Verdict, f.Severity) + ": " + fullName(w.Ref)
	if f.Container != "" {
		head += ", container " + text.Visible(f.Container)
	}
	if len(f.Settings) > 0 {
		head += ": " + strings.Join(f.Settings, ", ")
	}
	if f.Pods > 0 {
		head += " (" + text.Count(f.Pods, "Pod") + ")"
	}
	t.Wrapped(shadeOf(f.Verdict, f.Severity), "", head)
	t.Wrapped(term.Plain, "  ", sentence(f.What))
	for _, e := range f.Evidence {
		t.Wrapped(term.Plain, "  Evidence: ", oneLine(e.Text)+" ("+oneLine(e.Where)+")")
	}
	t.Wrapped(term.Plain, "  Before: ", sentence(f.Before))
	t.Wrapped(term.Plain, "  Fix: ", sentence(f.Fix))
	if f.Command != "" {
		t.Line("  To free it now:")
		t.Line("    %s", text.Visible(f.Command))
	}
	if f.Note != "" {
		t.Wrapped(term.Faint, "  ", sentence(f.Note))
	}
}

func (t table) waste(c *status.Cluster) {
	if len(c.Waste) == 0 {
		return
	}
	t.Line("")
	t.Line("%s", t.Paint(term.Bold, "WHAT NOBODY NEEDS"))
	for _, w := range c.Waste {
		line := "profile " + w.Profile + ": " + w.What
		if w.Place != "" {
			line += " (" + w.Place + ")"
		}
		if w.Reason != "" {
			line += ". Its reason: " + w.Reason
		}
		if w.Owner != "" {
			line += ". Its owner: " + w.Owner
		}
		t.Wrapped(term.Plain, "- ", sentence(line))
	}
}

func (t table) writes(c *status.Cluster) {
	if !c.WritesRead {
		return
	}
	t.Line("")
	t.Line("%s", t.Paint(term.Bold, "WHAT HAS WRITTEN NOTHING"))
	if len(c.Writes) == 0 {
		t.Line("No container is known to have written nothing.")
		return
	}
	t.Wrapped(term.Plain, "", fmt.Sprintf("The layers of %s hold no more than what a runtime makes. They are candidates for readOnlyRootFilesystem:", text.Count(len(c.Writes), "container")))
	for i, w := range c.Writes {
		if i == mostWorkloads {
			t.Line("and %d more: -o json", len(c.Writes)-i)
			break
		}
		t.Line("- %s", text.Visible(fmt.Sprintf("Pod %s/%s, container %s: %d bytes, %d inodes", w.Namespace, w.Pod, w.Container, w.Bytes, w.Inodes)))
	}
}

func (t table) unseen(c *status.Cluster) {
	if len(c.Unseen) == 0 {
		return
	}
	t.Line("")
	t.Line("%s", t.Paint(term.Bold, "WHAT COULD NOT BE SEEN"))
	for i, u := range c.Unseen {
		if i == mostWorkloads {
			t.Line("and %d more: -o json", len(c.Unseen)-i)
			break
		}
		line := u.What
		if u.Means != "" {
			line += ". Not known because of it: " + u.Means
		}
		t.Wrapped(term.Yellow, "- ", sentence(line)+" "+sentence(u.Error))
	}
}
