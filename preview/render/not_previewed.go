// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// mostPodMakers is how many objects a summary names.
const mostPodMakers = 10

// notPreviewed lists what was not previewed: first what may make pods.
func (out *printer) notPreviewed(r *preview.Report) {
	if len(r.PodMakers) > 0 {
		out.Wrapped(yellow, "", fmt.Sprintf("Not previewed, but may make pods: %s of other kinds.", text.Count(len(r.PodMakers), "object")))
		for i, m := range r.PodMakers {
			if i == mostPodMakers {
				out.Line("  and %d more", len(r.PodMakers)-i)
				break
			}
			out.Wrapped(plain, "  ", podMakerLine(m))
		}
	}
	if entries := folded(r.Summary.Ignored); len(entries) > 0 {
		out.Wrapped(plain, "", "Ignored: "+strings.Join(entries, ", ")+".")
	}
}

// podMakerLine returns a line for people, such as
// "Cluster shop/db (db.yaml:1): spec.instances".
func podMakerLine(m preview.PodMaker) string {
	name := text.Visible(m.Name)
	if m.Namespace != "" {
		name = text.Visible(m.Namespace) + "/" + name
	}
	return fmt.Sprintf("%s %s (%s:%d): %s", text.Visible(m.Kind), name, manifest.ShownName(m.File), m.Line, text.Visible(m.Place))
}

// mostKinds is how many kinds a summary names.
const mostKinds = 6

// folded lists the objects that make no pods, as far as is known, by kind: those that
// may be misspelled first, then the most frequent. What is left is counted.
func folded(kinds []preview.KindSummary) []string {
	kinds = slices.Clone(kinds)
	for i := range kinds {
		if kinds[i].Hint == "" {
			kinds[i].Objects -= kinds[i].PodMakers
		}
	}
	kinds = slices.DeleteFunc(kinds, func(k preview.KindSummary) bool { return k.Objects == 0 })
	slices.SortStableFunc(kinds, func(a, b preview.KindSummary) int {
		return cmp.Or(cmp.Compare(min(len(b.Hint), 1), min(len(a.Hint), 1)), cmp.Compare(b.Objects, a.Objects))
	})
	var entries []string
	others, objects := 0, 0
	for i, k := range kinds {
		if k.Hint != "" || i < mostKinds || len(kinds) == mostKinds+1 {
			entries = append(entries, kindLine(k))
			continue
		}
		others, objects = others+1, objects+k.Objects
	}
	if others > 0 {
		entries = append(entries, fmt.Sprintf("%s of %d other kinds", text.Count(objects, "object"), others))
	}
	return entries
}

// kindLine returns a line for people, such as "2 Service (v1)".
func kindLine(k preview.KindSummary) string {
	if k.Kind == "" {
		return text.Count(k.Objects, "document") + " without apiVersion and kind"
	}
	line := fmt.Sprintf("%d %s (%s)", k.Objects, text.Visible(k.Kind), text.Visible(k.APIVersion))
	if k.Hint != "" {
		line += ": " + k.Hint
	}
	return line
}
