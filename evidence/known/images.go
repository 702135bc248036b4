// SPDX-License-Identifier: Apache-2.0

package known

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/evidence"
)

// Images are facts about images, as a file has them.
type Images struct {
	entries []*entry
	byName  map[string]*entry // by each repository, or by the pattern that ends in /*
}

// An entry has the facts about an image, and how its variants differ.
type entry struct {
	facts    evidence.Known
	variants []variant
}

// A variant is a set of tags for which some facts are others.
type variant struct {
	tags []string // globs
	set  []func(*evidence.Known)
}

// The two registries that hold copies of Docker Hub and nothing else:
// https://cloud.google.com/artifact-registry/docs/pull-cached-dockerhub-images and
// https://gallery.ecr.aws/docker.
var copies = []struct{ prefix, of string }{
	{"mirror.gcr.io/", "docker.io/"},
	{"public.ecr.aws/docker/library/", "docker.io/library/"},
}

// For returns the facts about the image that a container names; first match wins:
//
//	the name cannot be parsed                           nothing is known
//	its repository, with Docker's defaults filled in    the entry with that name
//	a repository of mirror.gcr.io or                    the entry of the repository on Docker Hub
//	  public.ecr.aws/docker/library
//	the repository less its last component              the entry with that name and /*
//	anything else, such as a mirror of one's own        nothing is known
//
// A tag decides on the variants: each one with a glob that matches it changes facts, in
// their order. An image without tag and digest has the tag latest. A digest without a tag
// does not tell the variant, so nothing is known of it where an image has variants.
func (i *Images) For(image string) (*evidence.Known, bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, false
	}
	found := i.lookup(named.Name())
	if found == nil {
		return nil, false
	}
	tagged, hasTag := reference.TagNameOnly(named).(reference.Tagged)
	if !hasTag && len(found.variants) > 0 {
		return nil, false
	}
	facts := found.facts
	for _, v := range found.variants {
		if v.matches(tagged.Tag()) {
			v.change(&facts)
		}
	}
	return &facts, true
}

// lookup returns the entry of a repository, or nil.
func (i *Images) lookup(repository string) *entry {
	for _, c := range copies {
		if rest, ok := strings.CutPrefix(repository, c.prefix); ok {
			repository = c.of + rest
		}
	}
	if found := i.byName[repository]; found != nil {
		return found
	}
	return i.byName[path.Dir(repository)+"/*"]
}

// matches reports whether a tag is one of the variant.
func (v variant) matches(tag string) bool {
	return slices.ContainsFunc(v.tags, func(glob string) bool { ok, _ := path.Match(glob, tag); return ok })
}

// change makes the facts about the image those about the variant.
func (v variant) change(facts *evidence.Known) {
	facts.Tags = append(slices.Clone(facts.Tags), v.tags...)
	for _, set := range v.set {
		set(facts)
	}
}

// All returns the facts of all images, sorted by repository. The facts of an image's
// variants follow those of the image.
func (i *Images) All() []*evidence.Known {
	var all []*evidence.Known
	for _, e := range i.entries {
		facts := e.facts
		all = append(all, &facts)
		for _, v := range e.variants {
			all = append(all, e.typical(v))
		}
	}
	return all
}

// typical returns the facts of a variant's plainest tag: those of *-fpm-alpine* are also
// changed by the variant *-fpm*, if there is one.
func (e *entry) typical(of variant) *evidence.Known {
	facts := e.facts
	for _, v := range e.variants {
		if v.matches(strings.ReplaceAll(of.tags[0], "*", "")) || slices.Equal(v.tags, of.tags) {
			v.change(&facts)
		}
	}
	facts.Tags = of.tags
	return &facts
}
