// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/suggest"
)

// leave is the annotation that Caseharden reads, on Pods alone.
const leave = defaults.LeaveAnnotation

// ownPrefix is the prefix of the names that are Caseharden's.
var ownPrefix, _, _ = strings.Cut(leave, "/")

// metadata checks the annotations and labels of a pod, of its template, or of an object around
// the template, for those that are meant for Caseharden and have no effect.
func (c *checker) metadata(s, template Place, isPod bool) {
	home := strings.TrimPrefix(template.Name+".metadata.annotations", ".")
	for _, member := range s.members() {
		if member.key != "annotations" && member.key != "labels" {
			continue
		}
		for _, named := range member.members() {
			c.named(named, home, isPod && member.key == "annotations")
		}
	}
}

// named checks the name of an annotation or a label; home is where the annotation belongs.
//
//	not like one of Caseharden's                     nothing
//	an annotation of the pod that has an effect      nothing
//	like caseharden.io/leave, an annotation there    write it so
//	like caseharden.io/leave, elsewhere              move it
//	another with the prefix                          nothing reads it
func (c *checker) named(s Place, home string, isHome bool) {
	isLeave := suggest.Closest(s.key, []string{leave}) != ""
	prefix, _, _ := strings.Cut(strings.ToLower(s.key), "/")
	switch {
	case !isLeave && prefix != ownPrefix:
	case isHome && slices.Contains([]string{leave, defaults.InjectedAnnotation}, s.key):
	case isLeave && isHome:
		c.add(s, "has no effect: write %s", leave)
	case isLeave:
		c.add(s, "has no effect here: move %s into %s", leave, home)
	default:
		c.add(s, "has no effect: the annotation that Caseharden reads is %s, in %s", leave, home)
	}
}
