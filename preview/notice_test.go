// SPDX-License-Identifier: Apache-2.0

package preview_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

const noticed = `apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: noticed}
spec:
  base: compatible
  exceptions:
  - {match: {containers: [left]}, leave: [runAsUser], reason: a, reviewBy: 2027-01-31}
  - {match: {containers: [given]}, container: {runAsUser: 7}, reason: b}
  - {match: {containers: [mounted]}, writablePaths: [{path: /run}], reason: c}
`

// An exception is needed if it leaves a default, gives another, or keeps a path writable.
// The day of reviewBy itself is not past yet.
func TestNotices(t *testing.T) {
	profiles, err := profile.Parse([]profile.File{{Name: "noticed.yaml", Data: []byte(noticed)}})
	if err != nil {
		t.Fatal(err)
	}
	var p *defaults.Profile
	for _, candidate := range profiles {
		if candidate.Name == "noticed" {
			p = candidate
		}
	}
	for _, tt := range []struct {
		containers, today string
		want              []string
	}{
		{"{name: left}, {name: given}, {name: mounted}", "2027-01-31", nil},
		{"{name: left}, {name: given}, {name: mounted}", "2027-02-01", []string{"overdue noticed.yaml:7"}},
		{"{name: left}, {name: given}, {name: mounted}", "", nil},
		{"{name: other}", "2027-01-31", []string{"unused noticed.yaml:7", "unused noticed.yaml:8", "unused noticed.yaml:9"}},
		// The author has decided.
		{"{name: left, securityContext: {runAsUser: 5}}, {name: given, securityContext: {runAsUser: 5}}, {name: mounted, securityContext: {readOnlyRootFilesystem: true}}", "2028-01-01",
			[]string{"overdue noticed.yaml:7", "unused noticed.yaml:7", "unused noticed.yaml:8", "unused noticed.yaml:9"}},
		{"{name: mounted, volumeMounts: [{mountPath: /run}]}, {name: given}", "",
			[]string{"unused noticed.yaml:7", "unused noticed.yaml:9"}},
		{"", "2028-01-01", []string{"overdue noticed.yaml:7"}}, // no workload says anything
	} {
		data := "{apiVersion: v1, kind: Pod, metadata: {generateName: x}, spec: {containers: [" + tt.containers + "]}}"
		if tt.containers == "" {
			data = "{apiVersion: v1, kind: Service, metadata: {generateName: x}}"
		}
		report := preview.New(p, []manifest.Input{{Name: "pod.yaml", Data: []byte(strings.ReplaceAll(data, "{name: ", "{image: x, name: "))}}, preview.Options{Today: tt.today})
		var got []string
		for _, n := range report.Notices {
			got = append(got, fmt.Sprintf("%s %s", n.Kind, n.Place))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s on %s (-want +got):\n%s", tt.containers, tt.today, diff)
		}
	}
}
