// SPDX-License-Identifier: Apache-2.0

// Package hazard finds what a profile may break in an application, though the API server
// still accepts the pod. It compares a pod before and after: [Find] applies one rule after
// the other, and each rule has a file of its own. What it finds are findings as package
// evidence has them.
//
// It knows no manifests, files or outputs.
package hazard

import (
	"cmp"
	"slices"

	"github.com/caseharden/caseharden/evidence"
)

// Info describes a kind of finding.
type Info struct {
	ID       string            // of a closed set
	Title    string            // a few words, for summaries and tables
	Settings []string          // fields of the profile that cause it
	Severity evidence.Severity // as long as only the manifest is known
	When     string            // what in the manifest, and what of the profile, makes it hold
	Because  string            // what breaks, and on what rule that rests
	Fix      string            // what to do about it
}

// All returns all kinds of findings, in the order of their IDs.
func All() []Info {
	var infos []Info
	for _, r := range rules {
		infos = append(infos, r.Info)
	}
	for _, c := range evidence.Causes() {
		infos = append(infos, Info{ID: c.ID, Title: c.Title, Settings: c.Settings, When: c.When, Because: c.Because, Fix: c.Fix})
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}

// A rule finds one kind of trouble. It compares a pod before and after, and
// must not hold for what was so before.
type rule struct {
	Info

	// Windows marks a rule that looks at pods for Windows too. All others are
	// about Linux.
	Windows bool

	// One of the two is set. What is empty where the rule does not hold; fix
	// is empty where there is nothing to say beyond the Fix of the rule.
	OfPod       func(*Pair) (what, fix string)
	OfContainer func(*Pair, *containerPair) (what, fix string)

	// Grade returns another severity than that of the Info, for a container.
	Grade func(*Pair, *containerPair) evidence.Severity

	// Narrow returns which of the settings of the Info it is about, for a container.
	Narrow func(*Pair, *containerPair) []string
}

// rules are all rules, in the order of their IDs.
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
	privilegedNonRoot,
	readOnlyRoot,
	rootAllowed,
	rootLosesCapabilities,
	supplementalGroupsPolicy,
	unreadableFiles,
	volumeLabel,
	volumeOwner,
	windowsRuntimeClass,
}

// add adds what the rule found to the findings, unless it found nothing.
func (r *rule) add(to []evidence.Finding, container, what, fix string) []evidence.Finding {
	if what == "" {
		return to
	}
	return append(to, evidence.Finding{
		ID: r.ID, Container: container, Settings: r.Settings, Verdict: evidence.Risk, Severity: r.Severity,
		What: what, Fix: cmp.Or(fix, r.Fix),
		Evidence: []evidence.Item{{Source: evidence.FromManifest, Text: what}},
	})
}

// Find lists what breaks or may break between the two sides of a pair: first what concerns
// the pod as a whole, then container by container (init, regular, ephemeral), and within
// each in the order of the IDs. Facts returns what is known of a container besides its
// manifest; nil is nothing.
func Find(p Pair, facts func(container *Subject) evidence.Facts) []evidence.Finding {
	found, containers := Examine(p)
	for _, c := range containers {
		var f evidence.Facts
		if facts != nil {
			f = facts(c)
		}
		found = append(found, c.Judge(f)...)
	}
	return found
}
