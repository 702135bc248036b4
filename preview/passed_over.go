// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// passOver counts an object of a kind that makes no pods, as far as is known.
func (s *Summary) passOver(apiVersion, kind string) {
	i := slices.IndexFunc(s.PassedOver, func(k KindSummary) bool { return k.APIVersion == apiVersion && k.Kind == kind })
	if i < 0 {
		i = len(s.PassedOver)
		s.PassedOver = append(s.PassedOver, KindSummary{APIVersion: apiVersion, Kind: kind, Hint: hintFor(apiVersion, kind)})
	}
	s.PassedOver[i].Objects++
}

// hintFor says what may have been meant: a kind that is spelt otherwise, or a version
// that no API server has any more. A kind of the same name in another group is
// another kind.
func hintFor(apiVersion, kind string) string {
	group := schema.FromAPIVersionAndKind(apiVersion, kind).Group
	for _, k := range templateKinds {
		known := k.GroupVersionKind()
		if strings.EqualFold(known.Kind, kind) && (known.Group == group || group == "extensions" && known.Group == "apps") {
			return fmt.Sprintf("the API has %s in %s", known.Kind, known.GroupVersion())
		}
	}
	return ""
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
