// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/status"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is a report with something of everything, and with texts of strangers.
func example() *status.Report {
	until := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	breaks := status.Finding{Pod: "web-1-x", Pods: 2, Before: "Pod web-0-y of the same workload is not hardened, and is ready",
		Command: `kubectl patch deployment web -n shop --type=strategic -p '{"spec":{}}'`, Note: "a note",
		Finding: evidence.Finding{ID: "non-root-refused", Container: "app", Settings: []string{"runAsNonRoot"}, Verdict: evidence.Breaks, Severity: evidence.High,
			What: "the kubelet does not start it", Fix: "set runAsUser", Evidence: []evidence.Item{{Source: evidence.FromStatus, Text: "image will run as root \x1b[2J", Where: "Pod web-1-x, container app, state.waiting.message"}}}}
	r := status.New(until.AddDate(0, -3, 0), "")
	r.Add(status.Cluster{Name: "production", Server: "https://api.example.com", Others: 1,
		Install: status.Install{Configuration: "caseharden", Seen: true, Profiles: []string{"hardened", "restricted"}, FailurePolicy: []string{"Fail"}, Endpoints: &status.Endpoints{Ready: 1, All: 2},
			CAUntil: &until, Version: "0.1.0", Images: []string{"example.com/caseharden:v0"}, Replicas: 2, Ready: 1, Problems: []status.Problem{{ID: "replica-not-ready", Severity: evidence.Medium, What: "1 of 2 replicas are ready", Fix: "look at the Pods"}}},
		Namespaces: []status.NamespaceReport{
			{Name: "shop", Profiles: map[string]string{"enforce": "hardened", "warn": "restricted"}, Pods: 5, States: map[status.State]int{status.Hardened: 3, status.Older: 2}, Workloads: []status.Workload{
				{Ref: status.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}, Pods: 3, Ready: 1, Desired: 3, States: map[status.State]int{status.Hardened: 3}, Findings: []status.Finding{breaks}},
				{Ref: status.Ref{Group: "apps", Kind: "StatefulSet", Namespace: "shop", Name: "a-database-with-quite-a-long-name"}, Pods: 2, Ready: 2, Desired: 2, States: map[status.State]int{status.Older: 2},
					Examples: map[status.State][]string{status.Older: {"database-0"}}, Missing: []string{"runAsUser"},
					Next: &status.Next{Injects: []string{"runAsUser"}, Skips: []string{"seccompProfile"}, Verdict: evidence.Risk, Severity: evidence.High, Findings: []evidence.Finding{{ID: "volume-owner", Container: "db", Settings: []string{"runAsUser"}, Verdict: evidence.Risk, Severity: evidence.High, What: "its volume belongs to others", Fix: "set fsGroup"}}}},
			}},
			{Name: "typo", Profiles: map[string]string{"enforce": "hardend"}, States: map[status.State]int{}, Workloads: []status.Workload{}, Problems: []status.Problem{{ID: "no-such-profile", Severity: evidence.High, What: "the label names no installed profile", Fix: "correct the label"}}},
		},
		Waste: []status.Waste{{ID: "overdue-exception", Profile: "own", Place: "own.yaml:7", Reason: "it writes", What: "an exception was to be reviewed by 2026-01-01"}}, Unseen: []status.Unseen{{What: "events in namespace shop", Error: "events is forbidden", Means: "which Pods could not be created"}},
	})
	r.Add(status.Failed("staging", "https://staging.example.com", os.ErrDeadlineExceeded))
	return r
}

func written(t *testing.T, output string, s Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, example(), output, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is another: go test ./status/render -update\n%s", name, got)
	}
}

// The table fits the terminal, but for commands, which must be copied whole. Nothing that
// comes from a cluster can steer it.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, width := range []int{80, 100, 120} {
		text := written(t, "table", Style{Width: width})
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width && !strings.Contains(line, "kubectl patch") {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		if strings.Contains(text, "\x1b") {
			t.Error("it steers the terminal")
		}
	}
	golden(t, "table.txt", written(t, "table", Style{Width: 100}))
	golden(t, "explain.txt", written(t, "table", Style{Width: 100, Explain: "shop/a-database-with-quite-a-long-name"}))
	if err := Write(&bytes.Buffer{}, example(), "table", Style{Explain: "gone"}); err == nil {
		t.Error("a workload that is not there is explained")
	}
}

// The other outputs are read by what they are for, and agree about what fails.
func TestOutputs(t *testing.T) {
	t.Parallel()
	var junit struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Cases []struct {
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(written(t, "junit", Style{})), &junit); err != nil {
		t.Fatal(err)
	}
	cases, failures := 0, 0
	for _, s := range junit.Suites {
		for _, c := range s.Cases {
			if cases++; c.Failure != nil {
				failures++
			}
		}
	}
	if junit.Tests != cases || junit.Failures != failures || failures != 3 {
		t.Errorf("%d tests and %d failures, counted %d and %d, want 3 failures", junit.Tests, junit.Failures, cases, failures)
	}

	var sarif struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct{ RuleID, Level string }
		}
	}
	if err := json.Unmarshal([]byte(written(t, "sarif", Style{})), &sarif); err != nil {
		t.Fatal(err)
	}
	if sarif.Version != "2.1.0" || len(sarif.Runs[0].Results) != 2 || len(sarif.Runs[0].Tool.Driver.Rules) != 2 {
		t.Errorf("sarif = %+v", sarif)
	}

	for output, typed := range map[string]string{"policyreport": "wgpolicyk8s.io/v1alpha2 PolicyReport", "openreports": "openreports.io/v1alpha1 Report"} {
		dec := json.NewDecoder(strings.NewReader(strings.ReplaceAll(written(t, output, Style{}), "---\n", "")))
		for _, want := range []string{"shop", "typo"} {
			var p struct {
				APIVersion, Kind string
				Metadata         struct{ Namespace string }
				Summary          map[string]int
				Results          []struct{ Result string }
			}
			if err := dec.Decode(&p); err != nil {
				t.Fatal(err)
			}
			counted := map[string]int{}
			for _, r := range p.Results {
				counted[r.Result]++
			}
			if p.APIVersion+" "+p.Kind != typed || p.Metadata.Namespace != want || counted["fail"] != p.Summary["fail"] || counted["error"] != p.Summary["error"] {
				t.Errorf("report = %+v", p)
			}
		}
	}

	html := written(t, "html", Style{})
	for _, want := range []string{"</html>", "kubectl patch deployment web", "hardend", "could not be read"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.ContainsAny(html, "\x1b") || strings.Contains(html, "<script") {
		t.Error("the page has a script, or a control character")
	}
}
