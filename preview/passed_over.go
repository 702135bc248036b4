// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// passOver counts an object of a kind that the preview does not know, and returns the
// count of the kind.
func (s *Summary) passOver(apiVersion, kind string) *KindSummary {
	i := slices.IndexFunc(s.PassedOver, func(k KindSummary) bool { return k.APIVersion == apiVersion && k.Kind == kind })
	if i < 0 {
		i = len(s.PassedOver)
		s.PassedOver = append(s.PassedOver, KindSummary{APIVersion: apiVersion, Kind: kind, Hint: hintFor(apiVersion, kind)})
	}
	s.PassedOver[i].Objects++
	return &s.PassedOver[i]
}

// hintFor says what may have been meant: a kind that is spelt otherwise, or a version
// that no API server has any more. A kind of the same name in another group is
// another kind.
func hintFor(apiVersion, kind string) string {
	group := schema.FromAPIVersionAndKind(apiVersion, kind).Group
	if kind == kustomizationKind && strings.HasPrefix(kustomizationVersion, group+"/") {
		return "preview what a kustomization makes with caseharden preview -k DIR"
	}
	for _, k := range templateKinds {
		known := k.GroupVersionKind()
		if strings.EqualFold(known.Kind, kind) && (known.Group == group || group == "extensions" && known.Group == "apps") {
			return fmt.Sprintf("the API has %s in %s", known.Kind, known.GroupVersion())
		}
	}
	return ""
}

// mostKinds is how many kinds a summary names.
const mostKinds = 6

// folded lists the objects that make no pods, as far as is known, by kind: those that
// may be misspelled first, then the most frequent. What is left is counted.
func folded(kinds []KindSummary) []string {
	kinds = slices.Clone(kinds)
	for i := range kinds {
		if kinds[i].Hint == "" {
			kinds[i].Objects -= kinds[i].PodMakers
		}
	}
	kinds = slices.DeleteFunc(kinds, func(k KindSummary) bool { return k.Objects == 0 })
	slices.SortStableFunc(kinds, func(a, b KindSummary) int {
		return cmp.Or(cmp.Compare(min(len(b.Hint), 1), min(len(a.Hint), 1)), cmp.Compare(b.Objects, a.Objects))
	})
	var entries []string
	others, objects := 0, 0
	for i, k := range kinds {
		if k.Hint != "" || i < mostKinds || len(kinds) == mostKinds+1 {
			entries = append(entries, k.String())
			continue
		}
		others, objects = others+1, objects+k.Objects
	}
	if others > 0 {
		entries = append(entries, fmt.Sprintf("%s of %d other kinds", count(objects, "object"), others))
	}
	return entries
}

// String returns a line for people, such as "2 Service (v1)".
func (k KindSummary) String() string {
	if k.Kind == "" {
		return count(k.Objects, "document") + " without apiVersion and kind"
	}
	text := fmt.Sprintf("%d %s (%s)", k.Objects, visible(k.Kind), visible(k.APIVersion))
	if k.Hint != "" {
		text += ": " + k.Hint
	}
	return text
}
