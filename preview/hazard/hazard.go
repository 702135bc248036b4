// SPDX-License-Identifier: Apache-2.0

// Package hazard finds what a profile may break in an application, though the API server
// still accepts the pod. It compares a pod before and after: [Examine] applies one rule after
// the other, and each rule has a file of its own. A container is then judged by [Subject.Judge],
// with what else is known of it. The findings are those of package evidence.
//
// It knows no manifests, files or outputs.
package hazard

import (
	"cmp"
	"slices"

	"github.com/caseharden/caseharden/evidence"
)

// Causes returns the causes of all findings, in the order of their IDs.
func Causes() []evidence.Cause {
	all := evidence.Causes()
	for _, r := range rules {
		all = append(all, r.Cause)
	}
	slices.SortFunc(all, func(a, b evidence.Cause) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// CausesByID returns the causes of all findings.
func CausesByID() map[string]evidence.Cause {
	byID := map[string]evidence.Cause{}
	for _, c := range Causes() {
		byID[c.ID] = c
	}
	return byID
}

// A rule finds one cause in manifests. It compares a pod before and after, and
// must not hold for what was so before.
type rule struct {
	evidence.Cause

	// Windows marks a rule that looks at pods for Windows too. All others are
	// about Linux.
	Windows bool

	// One of the two is set. What is empty where the rule does not hold; fix
	// is empty where there is nothing to say beyond the Fix of the rule.
	OfPod       func(*Pair) (what, fix string)
	OfContainer func(*Pair, *containerPair) (what, fix string)

	// Grade returns another severity than that of the Cause, for a container.
	Grade func(*Pair, *containerPair) evidence.Severity

	// Narrow returns which of the settings of the Cause it is about, for a container.
	Narrow func(*Pair, *containerPair) []string
}

// rules are all rules, in the order of their IDs.
var rules = []rule{
	addedCapabilities,
	appArmorNode,
	capabilitiesNeedEscalation,
	commandNeedsRoot,
	defaultCapabilitiesLost,
	deviceAccess,
	deviceOwner,
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
