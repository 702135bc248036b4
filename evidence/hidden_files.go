// SPDX-License-Identifier: Apache-2.0

package evidence

import "fmt"

var writablePathHides = &Cause{
	ID:       "writable-path-hides",
	Title:    "Files hidden by a writable path",
	Settings: []string{readOnlyRoot},
	When:     "the image has files in one of the profile's `writablePaths`",
	Because:  "an empty directory is mounted over them",
	Fix:      "if the container needs the files, set readOnlyRootFilesystem: false in the manifest, or except the image in the profile",
}

// hiddenFiles notes the directories with files over which the profile mounts an empty one.
func (r *run) hiddenFiles() {
	if !r.security.ReadOnlyRoot {
		return
	}
	bare := &run{study: r.study, view: r.plain}
	for _, m := range r.profiled.mounts {
		if m.Profile && !bare.canHide(m.at) && bare.resolve(m.at).mounted == nil {
			f, _ := bare.stat(m.at)
			r.add(trouble{
				cause: writablePathHides, severity: Low, key: m.at,
				what:  fmt.Sprintf("an empty directory hides the files that the image has in %s", m.Path),
				items: []Item{r.item(m.Path, fmt.Sprintf("the image has files in %s", m.Path), f.Layer)},
			})
		}
	}
}
