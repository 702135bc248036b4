// SPDX-License-Identifier: Apache-2.0

package known

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// Parse reads a file of facts: a list with an object for each image, sorted by image. It
// reports everything that is wrong, with the lines.
func Parse(file string, data []byte) (*Images, error) {
	var all yamltext.Problems
	images := parse(file, data, &all)
	if err := all.Err(); err != nil {
		return nil, err
	}
	return images, nil
}

func parse(file string, data []byte, all *yamltext.Problems) *Images {
	images := &Images{byName: map[string]*entry{}}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		all.AddSyntax(file, data, err)
		return images
	}
	if len(document.Content) == 0 {
		*all = append(*all, &yamltext.Error{File: file, Line: 1, Message: "must be a list of images"})
		return images
	}
	last := ""
	for _, item := range (value{document.Content[0], file, "", all}).items() {
		item.path = nameOf(item.node)
		e := parseEntry(item)
		name := e.facts.Image
		if name == "" {
			continue
		}
		if name < last {
			item.errorf("must stand before %s: images are sorted", last)
		}
		last = name
		for _, repository := range append([]string{name}, e.facts.Also...) {
			if images.byName[repository] != nil {
				item.errorf("%s is there twice", repository)
			}
			images.byName[repository] = e
		}
		images.entries = append(images.entries, e)
	}
	return images
}

// parseEntry reads the object of an image.
func parseEntry(item value) *entry {
	var e entry
	members := item.members(slices.Concat(names(fields), []string{"image", "also", "variants"}))
	for _, m := range members {
		switch m.name {
		case "image":
			e.facts.Image, _ = repository(m.value)
		case "also":
			for _, v := range m.items() {
				if name, ok := repository(v); ok {
					e.facts.Also = append(e.facts.Also, name)
				}
			}
		case "variants":
		default:
			if set := fields[m.name](m.value); set != nil {
				set(&e.facts)
			}
		}
	}
	for _, required := range []string{"image", "versions", "source"} {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == required }) {
			item.errorf("%s must be set", required)
		}
	}
	check(item, e.facts)
	for _, m := range members {
		if m.name == "variants" {
			e.parseVariants(m.value)
		}
	}
	return &e
}

// parseVariants reads the variants of an image.
func (e *entry) parseVariants(list value) {
	for _, item := range list.items() {
		var v variant
		members := item.members(slices.Concat(names(fields), []string{"tags"}))
		for _, m := range members {
			if m.name == "tags" {
				v.tags = globs(m.value)
			} else if set := fields[m.name](m.value); set != nil {
				v.set = append(v.set, set)
			}
		}
		if v.tags == nil || len(members) < 2 {
			item.errorf("must have tags, and a fact that differs")
			continue
		}
		e.variants = append(e.variants, v)
		check(item, *e.typical(v))
	}
}

// nameOf returns the image of an entry for the paths of errors.
func nameOf(node *yaml.Node) string {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "image" {
			return node.Content[i+1].Value
		}
	}
	return ""
}

func names[V any](fields map[string]V) []string { return slices.Sorted(maps.Keys(fields)) }

// repository returns the value if it is a whole repository, whose last component may be *.
func repository(v value) (string, bool) {
	written, ok := decode[string](v, "a repository")
	if !ok {
		return "", false
	}
	plain := written
	if above, ok := strings.CutSuffix(written, "/*"); ok {
		plain = above + "/any"
	}
	named, err := reference.ParseNormalizedNamed(plain)
	switch {
	case err != nil:
		v.errorf("must be a repository, such as docker.io/library/nginx; its last component may be *")
	case !reference.IsNameOnly(named):
		v.errorf("must have no tag and no digest: tags are for variants")
	case named.Name() != plain:
		v.errorf("must be written out, as %s is", named.Name())
	default:
		return written, true
	}
	return "", false
}

// check reports facts that contradict each other.
func check(v value, facts evidence.Known) {
	root := facts.User == "" || facts.User == "0"
	switch {
	case facts.StartsAsRoot && !root:
		v.errorf("startsAsRoot: must not be set with user %q: the image does not start as root", facts.User)
	case facts.StartsAsRoot && (facts.UID == nil || *facts.UID == 0):
		v.errorf("startsAsRoot: must have the uid to which the image changes")
	case facts.Guarded && !facts.StartsAsRoot:
		v.errorf("guarded: must have startsAsRoot: only that can be guarded")
	case facts.Base && facts.StartsAsRoot:
		v.errorf("base: must not be set with startsAsRoot: nothing is known of what a base image runs")
	case !numbersAgree(facts):
		v.errorf("user: must have the numbers of uid and gid, is %q", facts.User)
	case !facts.StartsAsRoot && root && facts.UID != nil && *facts.UID != 0:
		v.errorf("uid: must be 0 without user and startsAsRoot")
	}
	if facts.ReadOnlyRoot && slices.Contains(facts.Writes, "/tmp") {
		v.errorf("readOnlyRoot: must not be set with /tmp in writes")
	}
	for _, dir := range facts.Writes {
		if slices.Contains(facts.Rewrites, dir) || slices.Contains(facts.Data, dir) {
			v.errorf("writes: %s must be in one of writes, rewrites and data", dir)
		}
	}
}

// numbersAgree reports whether the numbers in USER are uid and gid. A name has none.
func numbersAgree(facts evidence.Known) bool {
	uid, gid, hasGID := strings.Cut(facts.User, ":")
	for _, pair := range []struct {
		written string
		id      *int64
		there   bool
	}{{uid, facts.UID, true}, {gid, facts.GID, hasGID}} {
		if n, err := strconv.ParseInt(pair.written, 10, 64); pair.there && err == nil && (pair.id == nil || *pair.id != n) {
			return false
		}
	}
	return true
}
