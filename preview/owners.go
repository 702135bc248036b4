// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/preview/manifest"
)

// An identity is what an owner reference names.
type identity struct{ group, kind, namespace, name string }

func identify(apiVersion, kind, namespace, name string) identity {
	return identity{schema.FromAPIVersionAndKind(apiVersion, kind).Group, kind, namespace, name}
}

// ownersIn returns the custom resources with pod templates: what one of them owns has the
// same templates. Where only what it owns is given, that is previewed.
func ownersIn(files []*manifest.File) map[identity]bool {
	owners := map[identity]bool{}
	for _, f := range files {
		for _, d := range f.Documents {
			for _, o := range d.Objects {
				if !o.IsCustom() {
					continue
				}
				if h, err := o.Header(); err == nil {
					owners[identify(o.APIVersion, o.Kind, h.Metadata.Namespace, h.Metadata.Name)] = true
				}
			}
		}
	}
	return owners
}
