// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// writeTable writes, for each workload, what becomes of it, then a summary. Of
// the pods of one controller that come out alike it shows the first.
func writeTable(w io.Writer, r *preview.Report, colour bool) error {
	out := &printer{w: w, paint: painter(colour)}
	for _, g := range grouped(r.Workloads) {
		out.workload(g.first, g.more)
	}
	out.summary(r)
	return out.err
}

// A group is a workload, and how many more come out as it does.
type group struct {
	first *preview.Workload
	more  int
}

// grouped groups the pods of a controller that come out alike, as replicas do.
func grouped(workloads []preview.Workload) []*group {
	var groups []*group
	alike := map[string]*group{}
	for i := range workloads {
		w := &workloads[i]
		if w.Owner == "" || w.Excluded != "" {
			groups = append(groups, &group{first: w})
			continue
		}
		same := *w
		same.File, same.Document, same.Line, same.Name = "", 0, 0, ""
		key, err := json.Marshal(same)
		if err != nil {
			panic(fmt.Sprintf("internal error: marshalling a workload: %s", err))
		}
		if g := alike[string(key)]; g != nil {
			g.more++
			continue
		}
		g := &group{first: w}
		alike[string(key)] = g
		groups = append(groups, g)
	}
	return groups
}

// workload writes one workload:
//
//	Deployment shop/web (web.yaml:1): would change, baseline → restricted
//	  container app  inject  runAsNonRoot, runAsUser
//	                 skip    capabilities.drop (privileged: no effect …)
//	  ! volume-owner, container app: …
//	    fix: …
func (out *printer) workload(w *preview.Workload, more int) {
	name := text.Visible(w.Name)
	if w.Namespace != "" {
		name = text.Visible(w.Namespace) + "/" + name
	}
	if w.Template != "" {
		name += ", " + text.Visible(w.Template)
	}
	if more > 0 {
		name += fmt.Sprintf(" and %d more of %s", more, text.Visible(w.Owner))
	}
	head := fmt.Sprintf("%s %s (%s:%d)", text.Visible(w.Kind), name, manifest.ShownName(w.File), w.Line)
	if w.Excluded != "" {
		out.line("%s: %s\n", out.paint(bold, head), out.paint(faint, "excluded: "+text.Visible(w.Excluded)))
		return
	}
	state := out.paint(faint, "unchanged")
	if w.Changed {
		state = out.paint(green, "would change")
	}
	level := w.PodSecurity.After
	if w.PodSecurity.Before != w.PodSecurity.After {
		level = w.PodSecurity.Before + " → " + w.PodSecurity.After
	}
	out.line("%s: %s, Pod Security %s", out.paint(bold, head), state, level)

	var rows []outcomes
	if len(w.Pod) > 0 {
		rows = append(rows, outcomes{"the pod", w.Pod, nil})
	}
	width := len("the pod")
	for _, c := range w.Containers {
		kind := "container"
		if c.Type != string(defaults.Regular) {
			kind = c.Type + " container"
		}
		who := kind + " " + text.Visible(c.Name)
		rows = append(rows, outcomes{who, c.Decisions, c.WritablePaths})
		width = max(width, len(who))
	}
	for _, r := range rows {
		out.outcomes(r, width)
	}
	for _, h := range w.Findings {
		who := ""
		if h.Container != "" {
			who = ", container " + text.Visible(h.Container)
		}
		out.line("  %s: %s", out.paint(yellow, "! "+h.ID+who), text.Visible(h.What))
		out.line("    fix: %s", text.Visible(h.Fix))
	}
	for _, missing := range w.PodSecurity.Missing {
		out.line("  %s %s", out.paint(faint, "- not restricted:"), text.Visible(missing))
	}
	out.line("")
}

// outcomes are the decisions on a container, or at pod level.
type outcomes struct {
	who       string
	decisions []preview.Decision
	writable  []string
}

func (out *printer) outcomes(r outcomes, width int) {
	who := r.who
	put := func(s shade, word string, entries []string) {
		if len(entries) == 0 {
			return
		}
		out.line("  %-*s  %s  %s", width, who, out.paint(s, fmt.Sprintf("%-6s", word)), strings.Join(entries, ", "))
		who = ""
	}
	var inject []string
	var leave, skip reasons
	for _, d := range r.decisions {
		switch defaults.Outcome(d.Outcome) {
		case defaults.Inject:
			inject = append(inject, d.Field+": "+compact(d.Value))
		case defaults.Leave:
			leave.add(d)
		case defaults.Skip:
			skip.add(d)
		}
	}
	put(green, "inject", inject)
	put(green, "mount", emptyDirs(r.writable))
	put(faint, "leave", leave.entries())
	put(yellow, "skip", skip.entries())
}

func emptyDirs(paths []string) []string {
	var entries []string
	for _, p := range paths {
		entries = append(entries, "an emptyDir at "+p)
	}
	return entries
}

// compact writes a value as YAML on one line would have it.
func compact(value []byte) string {
	var b strings.Builder
	structure := strings.NewReplacer(",", ", ", ":", ": ")
	at := 0
	for _, span := range jsonString.FindAllIndex(value, -1) {
		b.WriteString(structure.Replace(string(value[at:span[0]])))
		at = span[1]
		s := string(value[span[0]:span[1]])
		if plainText.MatchString(s) {
			s = s[1 : len(s)-1]
		}
		b.WriteString(text.Visible(s))
	}
	b.WriteString(structure.Replace(string(value[at:])))
	return b.String()
}

var (
	jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	plainText  = regexp.MustCompile(`^"[A-Za-z_/][A-Za-z0-9_./-]*"$`) // needs no quotes in YAML
)

// reasons groups fields by why they are left or skipped.
type reasons struct {
	order  []string
	fields map[string][]string
}

func (r *reasons) add(d preview.Decision) {
	why := d.Reason
	if d.Because != "" {
		why += ": " + strings.ReplaceAll(text.Visible(d.Because), "`", "")
	}
	if r.fields == nil {
		r.fields = map[string][]string{}
	}
	if r.fields[why] == nil {
		r.order = append(r.order, why)
	}
	r.fields[why] = append(r.fields[why], d.Field)
}

func (r *reasons) entries() []string {
	var entries []string
	for _, why := range r.order {
		entries = append(entries, strings.Join(r.fields[why], ", ")+" ("+why+")")
	}
	return entries
}
