// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const user, root, drop = catalogue.RunAsUser, catalogue.ReadOnlyRootFilesystem, catalogue.CapabilitiesDrop
	account := catalogue.Without()
	account.User = 33
	both := account
	both.WritablePaths = []string{"/tmp"}
	truth := catalogue.AppTruth{
		Name:     "app",
		Smallest: []catalogue.Variant{both},
		Differs:  []catalogue.Difference{{Setting: user, Cause: catalogue.Owner}, {Setting: root, Cause: catalogue.ReadOnly}},
	}
	finding := func(id, verdict string, settings ...string) Finding {
		return Finding{ID: id, Verdict: verdict, Settings: settings}
	}
	serves := catalogue.AppTruth{Smallest: []catalogue.Variant{catalogue.Without()}, Works: map[string]bool{"all settings": true}}
	either := truth
	either.Differs = truth.Differs[:1]
	either.Smallest = []catalogue.Variant{account, {Settings: catalogue.Settings, WritablePaths: []string{"/data"}}}
	// Writable paths for directories that belong to another user.
	also := truth
	also.Smallest = []catalogue.Variant{{Settings: catalogue.Settings, WritablePaths: []string{"/data"}}}
	also.Differs = []catalogue.Difference{{Setting: root, Also: user, Cause: catalogue.Owner}}
	for name, test := range map[string]struct {
		truth    catalogue.AppTruth
		findings []Finding
		want     Score
	}{
		"silent": {truth, nil, Score{Needed: 2, Silent: 1}},
		"all of it": {
			truth, []Finding{finding("image-user-replaced", "breaks", user), finding("read-only-root", "risk", root)},
			Score{Needed: 2, Found: 2, Cause: 2, Findings: 2, Right: 2, Breaks: 1, BreaksRight: 1},
		},
		"another cause": {truth, []Finding{finding("capabilities-need-escalation", "risk", root)}, Score{Needed: 2, Found: 1, Findings: 1, Right: 1}},
		"another setting": {
			truth, []Finding{finding("read-only-root", "breaks", drop)},
			Score{Needed: 2, Findings: 1, Breaks: 1},
		},
		"no claim": {truth, []Finding{finding("x", "unknown", user), finding("x", "fits", root)}, Score{Needed: 2, Silent: 1}},
		"serves":   {serves, []Finding{finding("read-only-root", "risk", root)}, Score{Findings: 1}},
		"quiet":    {serves, nil, Score{}},
		// Two profiles are the smallest: each way to say it is right.
		"one way":       {either, []Finding{finding("image-user-replaced", "risk", user)}, Score{Needed: 1, Found: 1, Cause: 1, Findings: 1, Right: 1}},
		"the other way": {either, []Finding{finding("volume-owner", "risk", root)}, Score{Needed: 1, Found: 1, Cause: 1, Findings: 1, Right: 1}},
		"also":          {also, []Finding{finding("image-user-replaced", "risk", user)}, Score{Needed: 1, Found: 1, Cause: 1, Findings: 1, Right: 1}},
	} {
		got := Judge(test.truth, test.findings)
		got.Misses, got.Wrongs, got.Apps = nil, nil, 0
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
