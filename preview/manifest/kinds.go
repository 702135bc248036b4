// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/mutate"
)

var templateKinds = mutate.TemplateKinds()

// IsKnown reports whether the Kubernetes API has a kind, and it is or makes pods.
func IsKnown(apiVersion, kind string) bool {
	_, known := kindOf(apiVersion, kind)
	return known
}

// kindOf returns a kind that is or makes pods; false for any other.
func kindOf(apiVersion, kind string) (mutate.TemplateKind, bool) {
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	i := slices.IndexFunc(templateKinds, func(k mutate.TemplateKind) bool { return k.GroupVersionKind() == gvk })
	if i < 0 {
		return mutate.TemplateKind{}, false
	}
	return templateKinds[i], true
}

// Hint says what may have been meant: a kind that is spelt otherwise, or a version
// that no API server has any more. A kind of the same name in another group is
// another kind.
func Hint(apiVersion, kind string) string {
	group := schema.FromAPIVersionAndKind(apiVersion, kind).Group
	if kind == KustomizationKind && strings.HasPrefix(KustomizationVersion, group+"/") {
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
