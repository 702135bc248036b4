// SPDX-License-Identifier: Apache-2.0

// Package hazard finds what a profile may break in an application, though the API server
// still accepts the pod. It compares a pod before and after: [Find] applies one rule after
// the other, and each rule has a file of its own.
//
// It knows no manifests, files or outputs.
package hazard

// A Hazard is something that may break the application, though not the pod's
// admission.
type Hazard struct {
	ID        string `json:"id"`
	Container string `json:"container,omitempty"` // empty: of the pod as a whole
	What      string `json:"what"`                // what may break, and why
	Fix       string `json:"fix"`                 // what to do about it
}

// Info describes a kind of [Hazard].
type Info struct {
	ID      string // of a closed set
	Title   string // a few words, for summaries and tables
	When    string // what in the manifest, and what of the profile, makes it hold
	Because string // what breaks, and on what rule that rests
	Fix     string // what to do about it
}

// All returns all kinds of hazards, in the order of their IDs.
func All() []Info {
	infos := make([]Info, len(rules))
	for i, r := range rules {
		infos[i] = r.Info
	}
	return infos
}

// A rule finds one hazard. It compares a pod before and after, and
// must not hold for what was so before.
type rule struct {
	Info

	// Windows marks a rule that looks at pods for Windows too. All others are
	// about Linux.
	Windows bool

	// One of the two is set. What is empty where the hazard does not hold; fix
	// is empty where there is nothing to say beyond the Fix of the rule.
	OfPod       func(*Pair) (what, fix string)
	OfContainer func(*Pair, *containerPair) (what, fix string)
}

// rules are all hazards, in the order of their IDs.
var rules = []rule{
	addedCapabilities,
	appArmorNode,
	commandNeedsRoot,
	defaultCapabilitiesLost,
	deviceAccess,
	deviceOwner,
	fileCapabilities,
	fsGroupSlow,
	groupReplaced,
	hostFilesPrivate,
	imageUserReplaced,
	imageUserUnknown,
	localhostProfile,
	lowPort,
	privilegedNonRoot,
	readOnlyRoot,
	rootAllowed,
	rootLosesCapabilities,
	supplementalGroupsPolicy,
	unreadableFiles,
	volumeLabel,
	volumeOwner,
	windowsRuntimeClass,
	writablePathHides,
}

// Find lists what may break between the two sides of a pair: first what concerns the pod as a
// whole, then container by container (init, regular, ephemeral), and within
// each in the order of the IDs.
func Find(p Pair) []Hazard {
	var found []Hazard
	add := func(r *rule, container, what, fix string) {
		if what == "" {
			return
		}
		if fix == "" {
			fix = r.Fix
		}
		found = append(found, Hazard{ID: r.ID, Container: container, What: what, Fix: fix})
	}
	for i := range rules {
		if r := &rules[i]; r.OfPod != nil && (r.Windows || !p.Windows) {
			what, fix := r.OfPod(&p)
			add(r, "", what, fix)
		}
	}
	for _, container := range p.containers() {
		for i := range rules {
			if r := &rules[i]; r.OfContainer != nil && (r.Windows || !p.Windows) {
				what, fix := r.OfContainer(&p, &container)
				add(r, container.After.Name, what, fix)
			}
		}
	}
	return found
}
