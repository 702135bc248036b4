// SPDX-License-Identifier: Apache-2.0

package known

import (
	"reflect"
	"slices"
	"testing"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/evidence"
)

// Everything that Parse demands of an entry holds for each in the file. TestErrors shows
// what it demands.
func TestFile(t *testing.T) {
	t.Parallel()
	images, err := Parse("known.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	if got, least := len(images.entries), 45; got < least {
		t.Errorf("known.yaml has %d images, want at least %d", got, least)
	}
	for _, e := range images.entries {
		named, err := reference.ParseNormalizedNamed(e.facts.Image)
		if err != nil {
			continue // a pattern
		}
		// An image that names no tag finds its own entry, with the facts of the tag latest.
		facts, ok := For(reference.FamiliarName(named))
		if !ok || facts.Image != e.facts.Image {
			t.Errorf("For(%q) = %v, %t, want the entry %s", reference.FamiliarName(named), facts, ok, e.facts.Image)
		}
	}
}

// A variant has no fact that its image and all variants before it have too.
func TestVariantsDiffer(t *testing.T) {
	t.Parallel()
	for _, e := range builtin().entries {
		before := []evidence.Known{e.facts}
		for _, v := range e.variants {
			for _, set := range v.set {
				if !slices.ContainsFunc(before, func(facts evidence.Known) bool {
					changed := facts
					set(&changed)
					return !reflect.DeepEqual(changed, facts)
				}) {
					t.Errorf("%s: the variant %q repeats a fact of its image", e.facts.Image, v.tags)
				}
			}
			before = append(before, *e.typical(v))
		}
	}
}
