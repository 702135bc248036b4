// SPDX-License-Identifier: Apache-2.0

package hazard

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

// A Subject is a container of a pair with what its manifest alone says, ready to be judged
// as soon as more is known of it. It keeps little, so that many can wait for their images.
type Subject struct {
	Name, Image string
	container   evidence.Container
	windows     bool
	nonRoot     bool // its author demands another user than root
	guesses     []evidence.Finding
}

// Judge returns the findings for the container, in the order of their IDs. What was read or
// runs beats what the manifest lets one guess: of one cause there is one finding.
func (s *Subject) Judge(f evidence.Facts) []evidence.Finding {
	found := slices.Clone(s.guesses)
	if !s.windows {
		judged := evidence.Judge(&s.container, &f)
		found = slices.DeleteFunc(found, func(guess evidence.Finding) bool { return s.yields(&guess, &f, judged) })
		for i := range found {
			switch {
			case found[i].ID == volumeOwner.ID:
				found[i] = evidence.OwnedByMainUser(found[i], &s.container, &f)
			case found[i].ID == readOnlyRoot.ID && s.told(&f):
				found[i].Verdict, found[i].Severity = evidence.Unknown, evidence.Low
				found[i].What += "; nothing that is known of its image shows whether it writes"
			}
		}
		found = append(found, judged...)
	}
	if s.nonRoot { // the kubelet refuses root then
		for i := range found {
			found[i].Fix = strings.ReplaceAll(found[i].Fix, "runAsUser: 0", "runAsUser: 0 with runAsNonRoot: false")
		}
	}
	slices.SortStableFunc(found, func(a, b evidence.Finding) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// Key is the same for containers that are judged alike, if what is known of their image is
// the same.
func (s *Subject) Key(status *evidence.Status) string {
	key, err := json.Marshal([]any{s.container, s.guesses, s.windows, s.nonRoot, status})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return string(key)
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
		s := &Subject{Name: container.After.Name, Image: container.After.Image, windows: p.Windows, nonRoot: isTrue(container.before.nonRoot)}
		if !p.Windows {
			s.container = p.evidenceOf(&container)
		}
		for i := range rules {
			if r := &rules[i]; r.OfContainer != nil && (r.Windows || !p.Windows) {
				what, fix := r.OfContainer(&p, &container)
				s.guesses = r.add(s.guesses, s.Name, what, fix)
				if r.Grade != nil && what != "" {
					s.guesses[len(s.guesses)-1].Severity = r.Grade(&p, &container)
				}
				if r.Narrow != nil && what != "" {
					s.guesses[len(s.guesses)-1].Settings = r.Narrow(&p, &container)
				}
			}
		}
		containers = append(containers, s)
	}
	return ofPod, containers
}

// yields reports whether a guess gives way to what is known.
//
//	guess                      gives way to
//	image-user-unknown         the configuration of the image, which tells its user
//	image-user-replaced,       the files of the image, by which access is computed;
//	root-allowed,              or facts of a well-known image
//	root-loses-capabilities
//	read-only-root             a finding that it writes to directories that would be read-only; and
//	                           files or facts that tell of none, if it can write to /tmp or needs not.
//	                           If it cannot, it is unknown whether it has to
//	added-capabilities-non-root,  an image or a live status whose user is not root: it has them
//	privileged-non-root           not effective as it is
//	command-needs-root         a finding that the entrypoint needs root
//	what is about the user     the live status, if it runs as that user already
func (s *Subject) yields(guess *evidence.Finding, f *evidence.Facts, judged []evidence.Finding) bool {
	id := guess.ID
	has := func(id string) bool {
		return slices.ContainsFunc(judged, func(j evidence.Finding) bool { return j.ID == id })
	}
	fits := slices.ContainsFunc(judged, func(j evidence.Finding) bool { return j.ID == "user-now" && j.Verdict == evidence.Fits })
	if i := slices.IndexFunc(rules, func(r rule) bool { return r.ID == id }); fits && i >= 0 && slices.Equal(rules[i].Settings, []string{"runAsUser"}) {
		return true
	}
	switch id {
	case imageUserUnknown.ID:
		return f.Image != nil || f.Known.Tells(&s.container)
	case imageUserReplaced.ID, rootAllowed.ID, rootLosesCapabilities.ID:
		return s.told(f)
	case readOnlyRoot.ID:
		needsNone := guess.Severity == evidence.Low || f.Known.Tells(&s.container) && f.Known.ReadOnlyRoot
		return has("directory-read-only") || s.told(f) && needsNone
	case addedCapabilities.ID, privilegedNonRoot.ID:
		return !evidence.MayStartAsRoot(&s.container, f)
	case commandNeedsRoot.ID:
		return has("entrypoint-needs-root")
	}
	return false
}

// told reports whether the files of the image, or facts of a well-known image, tell what the
// container needs.
func (s *Subject) told(f *evidence.Facts) bool {
	return f.Image != nil && f.Image.Files != nil || f.Known.Tells(&s.container)
}
