// SPDX-License-Identifier: Apache-2.0

package html

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
)

// A row is a workload in the list.
type row struct {
	*preview.Workload
	ID     string // of its anchor
	Title  string // namespace and name
	State  string // excluded, changed or unchanged
	Worst  badge  // of what would change
	Counts string // of the decisions, in words

	// What the filters look at: indices into the lists of fields, hazards and
	// namespaces, which are shorter than their names.
	FieldTokens  string // such as "i0 l1": inject the first field, leave the second
	HazardTokens string // such as "0 2"
	NamespaceNo  int

	Blocks  []block
	Hazards []finding
}

// A block is one or several containers for which everything is decided alike; or,
// without containers, the pod itself.
type block struct {
	Containers    []preview.Container
	Verdicts      []verdict
	WritablePaths []string
}

// A verdict is what becomes of all settings of a block that share a reason.
type verdict struct {
	Outcome, Why, Because string
	Badge                 badge  // of what would be injected
	Settings              string // one a line
}

// A finding is a hazard with its title, of one or several containers.
type finding struct {
	evidence.Finding
	Title      string
	Badge      badge
	Containers []string
	Exception  string // in words
}

// newRows makes the rows of the report's workloads, in their order.
func newRows(p *page) []row {
	fieldNos, titles, hazardNos, namespaceNos := map[string]int{}, map[string]string{}, map[string]int{}, map[string]int{}
	for i, f := range p.Summary.Fields {
		fieldNos[f.Field] = i
	}
	for i, h := range p.Summary.Findings {
		hazardNos[h.ID], titles[h.ID] = i, h.Title
	}
	for i, namespace := range p.Namespaces {
		namespaceNos[namespace] = i
	}
	anchors := anchors{}
	rows := make([]row, len(p.Workloads))
	for i, w := range preview.ByRisk(p.Workloads) {
		rows[i] = row{
			Workload:     w,
			ID:           anchors.add(w),
			Title:        w.Name,
			State:        state(w),
			Worst:        badgeOf(w.Verdict, w.Severity),
			Counts:       counts(w),
			FieldTokens:  fieldTokens(w, fieldNos),
			HazardTokens: hazardTokens(w, hazardNos),
			NamespaceNo:  namespaceNos[w.Namespace],
			Blocks:       newBlocks(w),
			Hazards:      newFindings(w, titles),
		}
		if w.Namespace != "" {
			rows[i].Title = w.Namespace + "/" + w.Name
		}
		if w.Template != "" {
			rows[i].Title += ", " + w.Template
		}
	}
	return rows
}

func state(w *preview.Workload) string {
	switch {
	case w.Excluded != "":
		return "excluded"
	case w.Changed:
		return "changed"
	}
	return "unchanged"
}

// counts says how many settings come out how, such as "6 inject, 1 skip".
func counts(w *preview.Workload) string {
	n := map[string]int{}
	w.EachDecision(func(d preview.Decision) { n[d.Outcome]++ })
	var words []string
	for _, outcome := range []defaults.Outcome{defaults.Inject, defaults.Leave, defaults.Skip} {
		if n[string(outcome)] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[string(outcome)], outcome))
		}
	}
	return strings.Join(words, ", ")
}

// fieldTokens and hazardTokens write what a filter looks for, each once. What the
// summary does not name cannot be filtered by, and has no token.
func fieldTokens(w *preview.Workload, numbers map[string]int) string {
	var tokens []string
	w.EachDecision(func(d preview.Decision) {
		if i, found := numbers[d.Field]; found && d.Outcome != "" {
			tokens = append(tokens, fmt.Sprintf("%c%d", d.Outcome[0], i))
		}
	})
	slices.Sort(tokens)
	return strings.Join(slices.Compact(tokens), " ")
}

func hazardTokens(w *preview.Workload, numbers map[string]int) string {
	var tokens []string
	for _, h := range w.Findings {
		if i, found := numbers[h.ID]; found {
			tokens = append(tokens, fmt.Sprint(i))
		}
	}
	slices.Sort(tokens)
	return strings.Join(slices.Compact(tokens), " ")
}

// newBlocks puts containers together for which everything is decided alike, so
// that a page of thousands of workloads stays small, and a workload short to read.
func newBlocks(w *preview.Workload) []block {
	var blocks []block
	if len(w.Pod) > 0 {
		blocks = append(blocks, block{Verdicts: newVerdicts(w.Pod)})
	}
	for _, c := range w.Containers {
		verdicts := newVerdicts(c.Decisions)
		same := slices.IndexFunc(blocks, func(b block) bool {
			return len(b.Containers) > 0 && slices.Equal(b.Verdicts, verdicts) && slices.Equal(b.WritablePaths, c.WritablePaths)
		})
		if same < 0 {
			blocks = append(blocks, block{Verdicts: verdicts, WritablePaths: c.WritablePaths})
			same = len(blocks) - 1
		}
		blocks[same].Containers = append(blocks[same].Containers, c)
	}
	return blocks
}

// newVerdicts puts decisions together that share outcome and reason, in the order
// of the outcomes and else in their own.
func newVerdicts(decisions []preview.Decision) []verdict {
	var verdicts []verdict
	for _, d := range decisions {
		setting := d.Field
		if len(d.Value) > 0 {
			setting += ": " + string(d.Value)
		}
		why, because := reasonSentence(d.Reason), ""
		if d.Because != "" && (d.Reason == string(defaults.ByException) || d.Reason == string(defaults.Unset)) {
			why, because = strings.TrimSuffix(why, ".")+":", d.Because // the exception's reason
		}
		badge := badgeOf(d.Verdict, d.Severity)
		if badge.Word != "" {
			why = "" // the verdict says more than that the setting is unset
		}
		same := slices.IndexFunc(verdicts, func(v verdict) bool {
			return v.Outcome == d.Outcome && v.Why == why && v.Because == because && v.Badge == badge
		})
		if same < 0 {
			verdicts = append(verdicts, verdict{Outcome: d.Outcome, Why: why, Because: because, Badge: badge, Settings: setting})
			continue
		}
		verdicts[same].Settings += "\n" + setting
	}
	// Inject, leave, skip is also the order of their letters. The worst of each come first.
	slices.SortStableFunc(verdicts, func(a, b verdict) int {
		return cmp.Or(strings.Compare(a.Outcome, b.Outcome), cmp.Compare(b.Badge.rank, a.Badge.rank))
	})
	return verdicts
}

// newFindings puts findings together that differ in their container alone, the worst first.
func newFindings(w *preview.Workload, titles map[string]string) []finding {
	var findings []finding
	sameEvidence := func(a, b evidence.Item) bool { return a == b }
	for _, h := range w.Findings {
		same := slices.IndexFunc(findings, func(other finding) bool {
			return other.ID == h.ID && other.What == h.What && other.Fix == h.Fix && other.Badge == badgeOf(h.Verdict, h.Severity) &&
				slices.EqualFunc(other.Evidence, h.Evidence, sameEvidence) && other.Exception == exceptionWords(h.Exception) &&
				h.Container != "" && len(other.Containers) > 0
		})
		if same < 0 {
			title := titles[h.ID]
			if title == "" {
				title = h.ID
			}
			findings = append(findings, finding{Finding: h, Title: title, Badge: badgeOf(h.Verdict, h.Severity), Exception: exceptionWords(h.Exception)})
			same = len(findings) - 1
		}
		if h.Container != "" {
			findings[same].Containers = append(findings[same].Containers, h.Container)
		}
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(b.Badge.rank, a.Badge.rank) })
	return findings
}

// exceptionWords writes an exception as YAML has it, one part a line.
func exceptionWords(e *evidence.Exception) string {
	if e == nil {
		return ""
	}
	var lines []string
	list := func(name string, items []string) {
		if len(items) > 0 {
			lines = append(lines, name+": ["+strings.Join(items, ", ")+"]")
		}
	}
	list("leave", e.Leave)
	for _, field := range slices.Sorted(maps.Keys(e.Container)) {
		lines = append(lines, "container: {"+field+": "+string(e.Container[field])+"}")
	}
	list("writablePaths", e.WritablePaths)
	list("in the manifest, capabilities.add", e.Add)
	return strings.Join(lines, "\n")
}

// anchors are the anchors of a page, and how often each was asked for.
type anchors map[string]int

// add returns an anchor that no other workload has: kind, namespace and name, so
// that a link still leads to its workload in tomorrow's preview. The tildes set it
// apart from the anchors of the page itself; of the name it has only what means
// nothing else in an address.
func (a anchors) add(w *preview.Workload) string {
	plain := func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}
	anchor := strings.Map(plain, w.Kind) + "~" + strings.Map(plain, w.Namespace) + "~" + strings.Map(plain, w.Name)
	a[anchor]++
	if n := a[anchor]; n > 1 {
		return fmt.Sprintf("%s~%d", anchor, n) // only these have three tildes
	}
	return anchor
}
