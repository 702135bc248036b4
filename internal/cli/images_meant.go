// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"path"
	"slices"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/evidence/image/source"
	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/text"
)

// meantImages returns at most three of the images that manifests name, of which one may have
// been meant by a name that none has. The first of these that there are:
//
//	the same repository, with another tag or digest
//	the same path in another registry
//	the same last part of the path, in another registry or under another path
//	a name with a few other letters
func meantImages(misspelled string, names []string) []string {
	meant, err := source.Parse(misspelled)
	if err != nil {
		return nil
	}
	var same [3][]string
	for _, name := range names {
		parsed, err := source.Parse(name)
		if err != nil {
			continue
		}
		switch {
		case parsed.Name() == meant.Name():
			same[0] = append(same[0], name)
		case reference.Path(parsed) == reference.Path(meant):
			same[1] = append(same[1], name)
		case path.Base(parsed.Name()) == path.Base(meant.Name()):
			same[2] = append(same[2], name)
		}
	}
	for _, found := range same {
		if len(found) > 0 {
			slices.Sort(found)
			return found[:min(len(found), 3)]
		}
	}
	if closest := suggest.Closest(misspelled, names); closest != "" {
		return []string{closest}
	}
	return nil
}

// didYouMean asks for the images of [meantImages]; "" if there are none.
func didYouMean(misspelled string, names []string) string {
	meant := meantImages(misspelled, names)
	for i := range meant {
		meant[i] = text.Shorten(text.Visible(meant[i]), 200)
	}
	switch len(meant) {
	case 0:
		return ""
	case 1:
		return ": did you mean " + meant[0] + "?"
	}
	return ": did you mean " + orList(meant) + "?"
}
