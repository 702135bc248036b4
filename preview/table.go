// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/caseharden/caseharden/defaults"
)

// A shade is a colour of terminals, as an SGR sequence.
type shade string

const (
	plain  shade = ""
	bold   shade = "1"
	faint  shade = "2"
	red    shade = "31"
	green  shade = "32"
	yellow shade = "33"
	cyan   shade = "36"
)

// painter returns a function that colours text, or leaves it plain.
func painter(colour bool) func(shade, string) string {
	return func(s shade, text string) string {
		if !colour || s == plain || text == "" {
			return text
		}
		return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
	}
}

// printer writes lines, and keeps the first error.
type printer struct {
	w     io.Writer
	paint func(shade, string) string
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) text(text []byte) {
	if p.err == nil {
		_, p.err = p.w.Write(text)
	}
}

// writeTable writes, for each workload, what becomes of it, then a summary. Of
// the pods of one controller that come out alike it shows the first.
func writeTable(p *Preview, w io.Writer, colour bool) error {
	out := &printer{w: w, paint: painter(colour)}
	for _, g := range grouped(p.Report.Workloads) {
		out.workload(g.first, g.more)
	}
	out.summary(p.Report)
	return out.err
}

// A group is a workload, and how many more come out as it does.
type group struct {
	first *Workload
	more  int
}

// grouped groups the pods of a controller that come out alike, as replicas do.
func grouped(workloads []Workload) []*group {
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
//	    way out: …
func (out *printer) workload(w *Workload, more int) {
	name := visible(w.Name)
	if w.Namespace != "" {
		name = visible(w.Namespace) + "/" + name
	}
	place := visible(w.File)
	if w.File == Stdin {
		place = "stdin"
	}
	if w.Template != "" {
		name += ", " + visible(w.Template)
	}
	if more > 0 {
		name += fmt.Sprintf(" and %d more of %s", more, visible(w.Owner))
	}
	head := fmt.Sprintf("%s %s (%s:%d)", visible(w.Kind), name, place, w.Line)
	if w.Excluded != "" {
		out.line("%s: %s\n", out.paint(bold, head), out.paint(faint, "excluded: "+visible(w.Excluded)))
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
		who := kind + " " + visible(c.Name)
		rows = append(rows, outcomes{who, c.Decisions, c.WritablePaths})
		width = max(width, len(who))
	}
	for _, r := range rows {
		out.outcomes(r, width)
	}
	for _, h := range w.Hazards {
		who := ""
		if h.Container != "" {
			who = ", container " + visible(h.Container)
		}
		out.line("  %s: %s", out.paint(yellow, "! "+h.ID+who), visible(h.What))
		out.line("    way out: %s", visible(h.WayOut))
	}
	for _, missing := range w.PodSecurity.Missing {
		out.line("  %s %s", out.paint(faint, "- not restricted:"), visible(missing))
	}
	out.line("")
}

// outcomes are the decisions on a container, or at pod level.
type outcomes struct {
	who       string
	decisions []Decision
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
		text := string(value[span[0]:span[1]])
		if plainText.MatchString(text) {
			text = text[1 : len(text)-1]
		}
		b.WriteString(visible(text))
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

func (r *reasons) add(d Decision) {
	why := d.Reason
	if d.Because != "" {
		why += ": " + strings.ReplaceAll(visible(d.Because), "`", "")
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

// visible returns text from a manifest as it can go to a terminal: what would
// steer it is spelt out.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || isDirectionControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// summary adds it all up.
func (out *printer) summary(r *Report) {
	s := r.Summary
	if s.Objects == 0 {
		if len(r.Errors) == 0 {
			out.line("No objects: every list is empty.")
		}
		return
	}
	if s.Workloads == 0 {
		out.line("No pods and no workloads among %s.", count(s.Objects, "object"))
		out.notPreviewed(r)
		return
	}
	excluded := ""
	if s.Excluded > 0 {
		excluded = fmt.Sprintf(", %d excluded", s.Excluded)
	}
	out.line("%s", out.paint(bold, fmt.Sprintf("Profile %s: %s, %d would change, %d unchanged%s; %s.",
		r.Profile, count(s.Workloads, "workload"), s.Changed, s.Workloads-s.Changed-s.Excluded, excluded, count(s.Containers, "container"))))
	out.notPreviewed(r)
	if s.Workloads == s.Excluded {
		return
	}
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "FIELD\tINJECT\tLEAVE\tSKIP")
		for _, f := range s.Fields {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", f.Field, f.Inject, f.Leave, f.Skip)
		}
	})
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "POD SECURITY\tPRIVILEGED\tBASELINE\tRESTRICTED")
		for _, l := range []struct {
			name   string
			counts LevelCounts
		}{{"before", s.PodSecurity.Before}, {"after", s.PodSecurity.After}} {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", l.name, l.counts.Privileged, l.counts.Baseline, l.counts.Restricted)
		}
	})
	if len(s.Hazards) == 0 {
		return
	}
	out.line("")
	out.columns(func(w io.Writer) {
		fmt.Fprintln(w, "HAZARD\tWORKLOADS\tWHAT MAY BREAK")
		for _, h := range s.Hazards {
			fmt.Fprintf(w, "%s\t%d\t%s\n", h.ID, h.Workloads, h.Title)
		}
	})
}

// mostPodMakers is how many objects a summary names.
const mostPodMakers = 10

// notPreviewed lists what was not previewed: first what may make pods.
func (out *printer) notPreviewed(r *Report) {
	if len(r.PodMakers) > 0 {
		out.line("%s", out.paint(yellow, fmt.Sprintf("Not previewed, but may make pods: %s of other kinds.", count(len(r.PodMakers), "object"))))
		for i, m := range r.PodMakers {
			if i == mostPodMakers {
				out.line("  and %d more", len(r.PodMakers)-i)
				break
			}
			out.line("  %s", m)
		}
	}
	if entries := folded(r.Summary.PassedOver); len(entries) > 0 {
		out.line("Not looked at: %s.", strings.Join(entries, ", "))
	}
}

func (out *printer) columns(write func(io.Writer)) {
	if out.err != nil {
		return
	}
	table := tabwriter.NewWriter(out.w, 0, 0, 3, ' ', 0)
	write(table)
	out.err = table.Flush()
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
