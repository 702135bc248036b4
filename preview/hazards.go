// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"
)

// HazardInfo describes a hazard as such: something that may break an
// application once a profile's defaults are injected, though the API server
// still takes the pod. What it says of a workload is a [Hazard].
type HazardInfo struct {
	ID      string // of a closed set
	Title   string // a few words, for summaries and tables
	When    string // what in the manifest, and what of the profile, makes it hold
	Because string // what breaks, and on what rule that rests
	WayOut  string // what to do about it
}

// Hazards returns all there are, in the order of their IDs.
func Hazards() []HazardInfo {
	infos := make([]HazardInfo, len(hazardRules))
	for i, r := range hazardRules {
		infos[i] = r.HazardInfo
	}
	return infos
}

// A hazardRule finds one hazard. It looks at the workload before and after, and
// must not hold for what was so before.
type hazardRule struct {
	HazardInfo

	// Windows marks a rule that looks at pods for Windows too. All others are
	// about Linux.
	Windows bool

	// One of the two is set. What is empty where the hazard does not hold; wayOut
	// is empty where there is nothing to say beyond the WayOut of the rule.
	OfPod       func(*change) (what, wayOut string)
	OfContainer func(*change, *containerChange) (what, wayOut string)
}

// hazardRules are all hazards, in the order of their IDs.
var hazardRules = []hazardRule{
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

// hazards lists what a change may break: first what concerns the pod as a
// whole, then container by container (init, regular, ephemeral), and within
// each in the order of the IDs.
func hazards(c change) []Hazard {
	var found []Hazard
	add := func(r *hazardRule, container, what, wayOut string) {
		if what == "" {
			return
		}
		if wayOut == "" {
			wayOut = r.WayOut
		}
		found = append(found, Hazard{ID: r.ID, Container: container, What: what, WayOut: wayOut})
	}
	for i := range hazardRules {
		if r := &hazardRules[i]; r.OfPod != nil && (r.Windows || !c.Windows) {
			what, wayOut := r.OfPod(&c)
			add(r, "", what, wayOut)
		}
	}
	for _, container := range c.containers() {
		for i := range hazardRules {
			if r := &hazardRules[i]; r.OfContainer != nil && (r.Windows || !c.Windows) {
				what, wayOut := r.OfContainer(&c, &container)
				add(r, container.After.Name, what, wayOut)
			}
		}
	}
	return found
}

// listed joins words as a sentence does: "a", "a and b", "a, b and c".
func listed(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(w)
	}
	return b.String()
}

// asUser names the user that a container would run as.
func (c *containerChange) asUser() string { return fmt.Sprintf("user %d", *c.after.user) }

// few lists at most four words, and counts the rest.
func few(words []string) string {
	const most = 4
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return listed(words)
}

// imageOf names the image of a container, where the manifest does.
func imageOf(c *containerChange) string {
	if c.After.Image == "" {
		return "its image"
	}
	return "its image " + c.After.Image
}

// unique drops repetitions and keeps the order.
func unique(words []string) []string {
	var kept []string
	for _, w := range words {
		if !slices.Contains(kept, w) {
			kept = append(kept, w)
		}
	}
	return kept
}
