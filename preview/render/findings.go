// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/hazard"
)

// mostWorkloads is how many workloads a finding lists.
const mostWorkloads = 10

// A kind is all findings with one ID.
type kind struct {
	id, title, because, fix string
	whats, fixes            []string // at most two different ones
	settings                []string
	rank                    int
	mark                    mark // the worst
	workloads               []*foundIn
}

// foundIn is where a workload has findings of a kind.
type foundIn struct {
	group      *group
	rank       int
	mark       mark
	containers []string
	shown      []string // evidence beyond the manifest
}

// kindsOf sorts the findings of all workloads by their IDs: the worst first, then those of
// most workloads. What fits is no finding to act on.
func kindsOf(groups []*group) []*kind {
	causes := hazard.CausesByID()
	byID := map[string]*kind{}
	var kinds []*kind
	for _, g := range groups {
		for i := range g.first.Findings {
			f := &g.first.Findings[i]
			if f.Verdict == evidence.Fits {
				continue
			}
			k := byID[f.ID]
			if k == nil {
				cause, known := causes[f.ID]
				k = &kind{id: f.ID, title: cause.Title, because: cause.Because, fix: cause.Fix}
				if !known {
					k.title, k.fix = f.ID, f.Fix
				}
				byID[f.ID] = k
				kinds = append(kinds, k)
			}
			k.add(g, f)
		}
	}
	for _, k := range kinds {
		slices.SortStableFunc(k.workloads, func(a, b *foundIn) int { return cmp.Compare(b.rank, a.rank) })
	}
	slices.SortFunc(kinds, func(a, b *kind) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(len(b.workloads), len(a.workloads)), cmp.Compare(a.id, b.id))
	})
	return kinds
}

func (k *kind) add(g *group, f *evidence.Finding) {
	var in *foundIn
	if n := len(k.workloads); n > 0 && k.workloads[n-1].group == g {
		in = k.workloads[n-1]
	} else {
		in = &foundIn{group: g}
		k.workloads = append(k.workloads, in)
	}
	rank, m := preview.Rank(f.Verdict, f.Severity), markOf(f.Verdict, f.Severity)
	if rank > in.rank {
		in.rank, in.mark = rank, m
	}
	if rank > k.rank {
		k.rank, k.mark = rank, m
	}
	k.whats, k.fixes = another(k.whats, f.What), another(k.fixes, f.Fix)
	for _, s := range f.Settings {
		if !slices.Contains(k.settings, s) {
			k.settings = append(k.settings, s)
		}
	}
	if f.Container != "" && !slices.Contains(in.containers, f.Container) {
		in.containers = append(in.containers, f.Container)
	}
	for _, e := range f.Evidence {
		if e.Source != evidence.FromManifest && !slices.Contains(in.shown, e.Text) {
			in.shown = append(in.shown, e.Text)
		}
	}
}

// findings explains every kind of finding once, with its fix and its workloads:
//
//	high risk: volume-owner (runAsUser), 2 workloads
//	  Volume of another owner. Its files belong to …
//	  Fix: …
//	  - StatefulSet shop/database: container database
func (out *printer) findings(_ *preview.Report, groups []*group) {
	kinds := kindsOf(groups)
	if len(kinds) == 0 {
		return
	}
	out.Line("%s", out.Paint(bold, "FINDINGS"))
	folded := false
	for _, k := range kinds {
		out.Line("")
		count := 0
		for _, in := range k.workloads {
			count += 1 + in.group.more
		}
		head := k.mark.meaning + ": " + text.Visible(k.id)
		if len(k.settings) > 0 {
			head += " (" + text.Visible(strings.Join(k.settings, ", ")) + ")"
		}
		out.Wrapped(k.mark.shade, "", head+", "+text.Count(count, "workload"))
		out.Wrapped(plain, "  ", k.explanation())
		if fix := text.Visible(k.onlyFix()); fix != "" {
			out.Wrapped(plain, "  ", "Fix: "+capitalized(fix))
		}
		for i, in := range k.workloads {
			if i == mostWorkloads && len(k.workloads) > mostWorkloads+1 {
				more := 0
				for _, rest := range k.workloads[i:] {
					more += 1 + rest.group.more
				}
				out.Line("  - and %d more", more)
				folded = true
				break
			}
			out.Wrapped(plain, "  - ", in.line(k))
		}
	}
	out.Line("")
	hint := "--explain NAME shows everything of one workload."
	if folded {
		hint = "--explain NAME shows everything of one workload, and -o html or -o json all of them."
	}
	out.Wrapped(faint, "", hint+" -o profile writes exceptions for the findings.")
	out.Line("")
}

// explanation says what breaks and why: in the words of the findings where they are the
// same, and else of the kind.
func (k *kind) explanation() string {
	why := k.because
	if len(k.whats) == 1 {
		why = k.whats[0]
	}
	return strings.TrimSpace(capitalized(text.Visible(k.title)) + " " + capitalized(text.Visible(why)))
}

// onlyFix returns the fix that all findings have, or else that of the kind.
func (k *kind) onlyFix() string {
	if len(k.fixes) == 1 {
		return k.fixes[0]
	}
	return k.fix
}

// another adds a text to at most one other.
func another(texts []string, text string) []string {
	if len(texts) < 2 && !slices.Contains(texts, text) {
		return append(texts, text)
	}
	return texts
}

// mostContainers is how many containers of a workload a finding lists.
const mostContainers = 5

// shortList lists names; of many, it counts the last.
func shortList(names []string) string {
	if n := len(names) - mostContainers; n > 1 {
		return strings.Join(names[:mostContainers], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

// line returns where the finding is, with what shows it beyond the manifest.
func (in *foundIn) line(k *kind) string {
	w := in.group.first
	line := text.Visible(w.Kind) + " " + fullName(w)
	if in.group.more > 0 {
		line += fmt.Sprintf(" (+%d)", in.group.more)
	}
	switch len(in.containers) {
	case 0:
	case 1:
		line += ": container " + text.Visible(in.containers[0])
	default:
		line += ": containers " + text.Visible(shortList(in.containers))
	}
	if in.mark.meaning != k.mark.meaning {
		line += " (" + in.mark.meaning + ")"
	}
	if len(in.shown) > 0 {
		line += ": " + text.Visible(strings.Join(in.shown[:min(2, len(in.shown))], "; "))
	}
	return line
}
