// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// A Line is one line of the observer's log: a file that was made or changed.
type Line struct {
	Container string `json:"container,omitempty"` // ID of the container, as the runtime knows it
	Path      string `json:"path"`                // in that container
	Directory bool   `json:"directory,omitempty"`
}

// Directories returns the directories in which the containers of an ID wrote, from the
// observer's log. A log line of an unknown container counts for all. A directory in which
// something was written is itself changed, and so are those above it where layers are
// stacked: only what has nothing changed below it counts.
func Directories(log, container string) []string {
	var changed []string
	for text := range strings.Lines(log) {
		var l Line
		if json.Unmarshal([]byte(text), &l) != nil || !path.IsAbs(l.Path) || l.Container != "" && container != "" && l.Container != container {
			continue
		}
		changed = append(changed, path.Clean(l.Path))
	}
	var found []string
	for _, p := range changed {
		isAbove := slices.ContainsFunc(changed, func(other string) bool { return strings.HasPrefix(other, p+"/") })
		if dir := path.Dir(p); !isAbove && dir != "/" && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	slices.Sort(found)
	return found
}
