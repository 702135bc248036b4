// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"github.com/caseharden/caseharden/evidence"
)

// A Subject is a container of a pair with what its manifest alone says, ready to be judged
// as soon as more is known of it. It keeps little, so that many can wait for their images.
type Subject struct {
	Name, Image string
	guesses     []evidence.Finding
}

// Judge returns the findings for the container, in the order of their IDs.
func (s *Subject) Judge(_ evidence.Facts) []evidence.Finding {
	return s.guesses
}

// Examine lists what the manifest says of a pod as a whole, and returns the containers
// (init, regular, ephemeral) that are to be judged.
func Examine(p Pair) (ofPod []evidence.Finding, containers []*Subject) {
	for i := range rules {
		if r := &rules[i]; r.OfPod != nil && (r.Windows || !p.Windows) {
			what, fix := r.OfPod(&p)
			ofPod = r.add(ofPod, "", what, fix)
		}
	}
	for _, container := range p.containers() {
		s := &Subject{Name: container.After.Name, Image: container.After.Image}
		for i := range rules {
			if r := &rules[i]; r.OfContainer != nil && (r.Windows || !p.Windows) {
				what, fix := r.OfContainer(&p, &container)
				s.guesses = r.add(s.guesses, s.Name, what, fix)
			}
		}
		containers = append(containers, s)
	}
	return ofPod, containers
}
