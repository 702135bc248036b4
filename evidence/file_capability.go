// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"strings"
)

var fileCapability = &Cause{
	ID:       "file-capability",
	Title:    "Program with a file capability",
	Settings: []string{"capabilities.drop"},
	When:     "the program has a file capability with the effective bit (`setcap …+ep`), and the container does not have that capability",
	Because:  "the kernel refuses to execute such a program (EPERM), to every user and whatever `allowPrivilegeEscalation` says",
	Fix:      "add the capability to capabilities.add in the manifest, or except the image from capabilities.drop in the profile",
}

// fileCapabilities reports whether the kernel executes a program in spite of its file
// capabilities. What a file permits and the bounding set lacks is lost; if the effective
// bit is set the kernel refuses to run it with less than it permits
// (bprm_caps_from_vfs_caps in security/commoncap.c).
func (r *run) fileCapabilities(p *process, at location, certain bool) bool {
	caps := at.file.Capabilities
	if caps == nil || !caps.Effective || holds(p.bounding, allCapabilities) {
		return true
	}
	var lacking []string
	for _, c := range caps.Permitted {
		if name := strings.TrimPrefix(strings.ToUpper(c), "CAP_"); !holds(p.bounding, name) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return true
	}
	slices.Sort(lacking)
	t := trouble{
		cause: fileCapability, severity: High, proven: certain, key: at.path,
		what: fmt.Sprintf("the kernel refuses to execute %s: it has the file capability %s, which the container does not have", at.path, strings.Join(lacking, ", ")),
		items: []Item{r.item(at.path, fmt.Sprintf("%s has the file capability %s with the effective bit", at.path, strings.Join(lacking, ", ")),
			at.file.Layer)},
	}
	r.add(t)
	return false
}
