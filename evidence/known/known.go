// SPDX-License-Identifier: Apache-2.0

package known

import (
	_ "embed"
	"sync"

	"github.com/caseharden/caseharden/evidence"
)

//go:embed known.yaml
var data []byte

// builtin are the images of known.yaml. They are parsed when they are first asked for: the
// webhook never asks.
var builtin = sync.OnceValue(func() *Images {
	images, err := Parse("known.yaml", data)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return images
})

// For returns the facts about the image that a container names, such as nginx:1.29-alpine.
// It reports false for an image of which nothing is known.
func For(image string) (*evidence.Known, bool) { return builtin().For(image) }

// All returns the facts of all images, sorted by repository. The facts of an image's
// variants follow those of the image.
func All() []*evidence.Known { return builtin().All() }
