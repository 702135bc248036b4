// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/render"
)

// reports are of a workload that needs an exception, whose log steers terminals, and of one
// of which nothing can be told.
func reports() []*trial.Report {
	return []*trial.Report{{
		Workload: trial.WorkloadRef{Kind: "Deployment", Namespace: "shop", Name: "web"}, Profile: "hardened",
		Conclusion: trial.ExceptionsFound, Sentence: "It works with the exceptions.",
		Settings: []trial.Setting{
			{Container: "web", Field: "runAsUser", Verdict: evidence.Breaks, Instead: "as user 101", Line: "open /x: \x1b[31mpermission denied"},
			{Container: "web", Field: "seccompProfile", Verdict: evidence.Fits},
			{Container: "web", Field: "capabilities.drop", Verdict: evidence.Unknown, Instead: "without capabilities.drop"},
		},
		Exceptions: []trial.Exception{{
			Container: "web", Image: "nginx:1", Reason: "trial: open /x: \x1b[31mpermission denied\n# not a comment",
			Differs: evidence.Exception{Container: map[string]json.RawMessage{"runAsUser": json.RawMessage("101")}, WritablePaths: []string{"/tmp"}},
		}},
		Evidence: trial.Evidence{Held: "30s", Node: trial.Node{Name: "n", Kernel: "6.18"}, Images: map[string]string{"web": "nginx@sha256:1\n  evil: yes"}},
		Runs:     []trial.Run{{What: "as it is"}}, Proof: []trial.Run{{What: "proof", Why: "is ready and stays so", Seconds: 31}},
		Notes: []string{"Nothing was exercised."},
	}, {
		Workload: trial.WorkloadRef{Kind: "StatefulSet", Namespace: "shop", Name: "db"}, Profile: "hardened",
		Conclusion: trial.CannotTell, Sentence: "The control fails:\nno disk.",
	}}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.Write(&b, "table", reports(), "shop", "hardened"); err != nil {
		t.Fatal(err)
	}
	const want = `Deployment shop/web, profile hardened: exceptions are needed
It works with the exceptions.

CONTAINER   SETTING             RESULT        INSTEAD                     DECIDING LINE
web         runAsUser           breaks        as user 101                 open /x: \u001b[31mpermission denied
web         seccompProfile      works
web         capabilities.drop   not decided   without capabilities.drop

1 copy ran.
Proven: proof: is ready and stays so (31 s).
On node n, 6.18; copies had to stay ready for 30s.
Container web ran nginx@sha256:1\u000a  evil: yes
Note: Nothing was exercised.

StatefulSet shop/db, profile hardened: cannot tell
The control fails: no disk.

0 copies ran.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// The profile is valid, whatever images and logs are called.
func TestProfile(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.Write(&b, "profile", reports(), "shop", "hardened"); err != nil {
		t.Fatal(err)
	}
	all, err := profile.Parse([]profile.File{{Name: "shop.yaml", Data: b.Bytes()}})
	if err != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	for _, p := range all {
		if p.Name == "shop" && (len(p.Exceptions) != 1 || string(p.Exceptions[0].Container[0].Value.JSON) != "101") {
			t.Errorf("exceptions = %+v", p.Exceptions)
		}
	}
	for _, want := range []string{"# Deployment shop/web: exceptions are needed.\n", "# StatefulSet shop/db: cannot tell.\n#   The control fails: no disk.\n", "- docker.io/library/nginx\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.Write(&b, "json", reports(), "shop", "hardened"); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Kind  string
		Items []trial.Report
	}
	if err := json.Unmarshal(b.Bytes(), &list); err != nil || list.Kind != "TrialList" || len(list.Items) != 2 || list.Items[0].Settings[0].Line != reports()[0].Settings[0].Line {
		t.Errorf("%v\n%s", err, &b)
	}
}
