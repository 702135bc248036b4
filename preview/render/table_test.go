// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// goldenReport is one report of all golden files under a profile.
func goldenReport(t testing.TB, profile *defaults.Profile, o preview.Options) *preview.Report {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	var inputs []manifest.Input
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if name, found := strings.CutPrefix(f.Name, "in/"); found {
				inputs = append(inputs, manifest.Input{Name: filepath.Base(file) + "/" + name, Data: f.Data})
			}
		}
	}
	return preview.New(profile, inputs, o)
}

// everyFinding is a report in which every verdict occurs, and a finding that more workloads
// have than are listed.
func everyFinding() *preview.Report {
	r := &preview.Report{
		APIVersion: "caseharden.io/v1alpha1", Kind: "Preview", Profile: "hardened",
		PodMakers: []preview.PodMaker{}, Warnings: []manifest.Error{}, Errors: []manifest.Error{}, Notices: []preview.Notice{},
	}
	verdicts := []evidence.Finding{
		{Verdict: evidence.Breaks, Severity: evidence.High}, {Verdict: evidence.Risk, Severity: evidence.High},
		{Verdict: evidence.Risk, Severity: evidence.Medium}, {Verdict: evidence.Risk, Severity: evidence.Low},
		{Verdict: evidence.Unknown, Severity: evidence.Low}, {Verdict: evidence.Fits, Severity: evidence.Low},
	}
	for i := range 30 {
		f := verdicts[min(i, len(verdicts)-1)]
		if i > len(verdicts) {
			f = verdicts[1]
		}
		f.ID, f.Container, f.Settings, f.What, f.Fix = "volume-owner", "app", []string{"runAsUser"}, "it breaks", "mend it"
		f.Evidence = []evidence.Item{{Source: evidence.FromImage, Text: "/var/lib/db belongs to 999:999, mode 0700", Path: "/var/lib/db", Where: "sha256:abc"}}
		w := preview.Workload{
			Kind: "StatefulSet", Namespace: "namespace-of-a-team", Name: fmt.Sprintf("a-workload-with-a-rather-long-name-%d", i), File: "x.yaml", Line: 1, Changed: true,
			PodSecurity: &preview.PodSecurity{Before: "privileged", After: "restricted"}, Findings: []evidence.Finding{f},
			Containers: []preview.Container{{Name: "app", Type: "regular", Decisions: []preview.Decision{{Field: "runAsUser", Outcome: "inject", Value: []byte("10001")}}}},
		}
		w.SetVerdicts()
		r.Workloads = append(r.Workloads, w)
	}
	r.Summary = preview.Summarize(r.Workloads)
	r.Summary.Objects = len(r.Workloads)
	return r
}

// No line of a table is wider than the terminal, but for a word that would be cut.
func TestTableFits(t *testing.T) {
	everything := profiletest.Own(t, "{base: hardened, container: {runAsGroup: 5, procMount: Default, seLinuxOptions: {type: container_t}, appArmorProfile: {type: RuntimeDefault}}, pod: {fsGroup: 5, fsGroupChangePolicy: Always, supplementalGroups: [7]}}")
	for name, r := range map[string]*preview.Report{
		"hardened": goldenReport(t, profiletest.Builtin(t, "hardened"), preview.Options{}),
		"many":     everyFinding(),
		"own":      goldenReport(t, everything, preview.Options{}),
	} {
		for _, width := range []int{60, 80, 120} {
			all := Style{Width: width, Explain: []*preview.Workload{}}
			for i := range r.Workloads {
				all.Explain = append(all.Explain, &r.Workloads[i])
			}
			for _, s := range []Style{{Width: width}, {Width: width, Summary: true}, all} {
				var b bytes.Buffer
				if err := Write(&b, r, "table", s); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(b.String()) {
					line = strings.TrimSuffix(line, "\n")
					if strings.TrimRight(line, " ") != line {
						t.Errorf("%s: spaces at the end of %q", name, line)
					}
					long := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) > width/2 })
					if utf8.RuneCountInString(line) > width && !long {
						t.Errorf("%s, %d columns: a line of %d: %s", name, width, utf8.RuneCountInString(line), line)
					}
				}
			}
		}
	}
}

// Nothing is green but what fits, on any line.
func TestOnlyProofIsGreen(t *testing.T) {
	for _, m := range marks() {
		if (m.shade == green) != (m.meaning == "fits") {
			t.Errorf("%q has the shade %q", m.meaning, m.shade)
		}
	}
	r := everyFinding()
	for i := range r.Workloads {
		r.Workloads[i].Findings[0].Verdict = evidence.Breaks
		r.Workloads[i].SetVerdicts()
	}
	r.Summary = preview.Summarize(r.Workloads)
	r.Summary.Objects = 1
	for _, s := range []Style{{Colour: true}, {Colour: true, Summary: true}, {Colour: true, Explain: []*preview.Workload{&r.Workloads[0]}}} {
		var b bytes.Buffer
		if err := Write(&b, r, "table", s); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "\x1b["+string(green)+"m") {
			t.Errorf("something is green where everything breaks:\n%q", b.String())
		}
	}
}

// A kind of finding is explained once; ten of its workloads are listed, the worst first, and
// the others are counted.
func TestFindingsAreFolded(t *testing.T) {
	table := written(t, everyFinding(), "table")
	_, section, _ := strings.Cut(table, "FINDINGS\n")
	section, _, _ = strings.Cut(section, "--explain NAME")
	if n := strings.Count(section, "volume-owner"); n != 1 {
		t.Errorf("the finding is named %d times", n)
	}
	if n := strings.Count(section, "\n  - StatefulSet"); n != 10 {
		t.Errorf("%d workloads are listed", n)
	}
	// Of 30, two fit.
	if !strings.Contains(section, "breaks: volume-owner (runAsUser), 28 workloads\n") || !strings.Contains(section, "- and 18 more\n") {
		t.Errorf("wrong counts:\n%s", section)
	}
	if first, _, _ := strings.Cut(section[strings.Index(section, "  - "):], "\n"); !strings.HasPrefix(first, "  - StatefulSet namespace-of-a-team/a-workload-with-a-rather-long-name-0") {
		t.Errorf("the first is %q", first)
	}
	if !strings.Contains(section, "belongs to 999:999") {
		t.Error("evidence beyond the manifest is not shown")
	}
}

// All settings of the catalogue have heads of their own, which fit above a mark.
func TestShortNames(t *testing.T) {
	fields := map[string]string{}
	for _, f := range defaults.Fields() {
		short := shortName(f.Name)
		if other := fields[short]; other != "" && other != f.Name || short == "" || len(short) > 5 {
			t.Errorf("%s is %q, as is %q", f.Name, short, other)
		}
		fields[short] = f.Name
	}
	for f := range shortNames {
		if !slices.ContainsFunc(defaults.Fields(), func(known *defaults.Field) bool { return known.Name == f }) {
			t.Errorf("%s is no setting", f)
		}
	}
}

// A finding that names no setting has no empty brackets, and of many containers the last are
// counted.
func TestFindingLines(t *testing.T) {
	finding := func(container string) evidence.Finding {
		return evidence.Finding{ID: "not-running-now", Container: container, Settings: []string{}, Verdict: evidence.Unknown, Severity: evidence.Low, What: "it does not run well now", Fix: "make it work"}
	}
	for containers, want := range map[int]string{
		1: "  - Pod p: container c0\n", 6: "  - Pod p: containers c0, c1, c2, c3, c4, c5\n", 7: "  - Pod p: containers c0, c1, c2, c3, c4 and 2 more\n",
	} {
		w := preview.Workload{Kind: "Pod", Name: "p", Changed: true, PodSecurity: &preview.PodSecurity{}}
		for i := range containers {
			w.Findings = append(w.Findings, finding(fmt.Sprintf("c%d", i)))
		}
		r := &preview.Report{Workloads: []preview.Workload{w}, Summary: preview.Summary{Objects: 1, Workloads: 1}}
		got := written(t, r, "table")
		if !strings.Contains(got, "unknown: not-running-now, 1 workload\n") || !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

// Pods that come out as the workload that made them share its line, wherever it stands; others
// have their own.
func TestPodsShareTheLineOfTheirMaker(t *testing.T) {
	workload := func(kind, name, owner, field string) preview.Workload {
		return preview.Workload{
			Kind: kind, Namespace: "shop", Name: name, Owner: owner, Changed: true, PodSecurity: &preview.PodSecurity{}, Findings: []evidence.Finding{},
			Pod: []preview.Decision{{Field: field, Outcome: "inject", Value: []byte("true"), Verdict: evidence.Unknown}},
		}
	}
	ofPod := func(name, owner string) preview.Workload { return workload("Pod", name, owner, "runAsNonRoot") }
	deployment, cronJob := workload("Deployment", "web", "", "runAsNonRoot"), workload("CronJob", "report", "", "runAsNonRoot")
	other := workload("Pod", "web-5f7d9-c", "ReplicaSet web-5f7d9", "runAsUser")
	for name, c := range map[string]struct {
		workloads []preview.Workload
		want      []string
	}{
		"a Deployment first": {[]preview.Workload{deployment, ofPod("web-5f7d9-a", "ReplicaSet web-5f7d9"), other, ofPod("web-5f7d9-b", "ReplicaSet web-5f7d9")},
			[]string{"Deployment web 2", "Pod web-5f7d9-c 0"}},
		"a Deployment last": {[]preview.Workload{ofPod("web-5f7d9-a", "ReplicaSet web-5f7d9"), deployment}, []string{"Deployment web 1"}},
		"a CronJob":         {[]preview.Workload{cronJob, ofPod("report-29384-x", "Job report-29384")}, []string{"CronJob report 1"}},
		"a StatefulSet":     {[]preview.Workload{workload("StatefulSet", "db", "", "runAsNonRoot"), ofPod("db-0", "StatefulSet db")}, []string{"StatefulSet db 1"}},
		"no maker":          {[]preview.Workload{ofPod("a", "ReplicaSet web-5f7d9"), ofPod("b", "ReplicaSet web-5f7d9"), ofPod("c", "ReplicaSet api-1")}, []string{"Pod a 1", "Pod c 0"}},
		"no owner":          {[]preview.Workload{deployment, ofPod("web", ""), ofPod("web", "")}, []string{"Deployment web 0", "Pod web 0", "Pod web 0"}},
	} {
		var all []*preview.Workload
		for i := range c.workloads {
			all = append(all, &c.workloads[i])
		}
		var got []string
		for _, g := range grouped(all) {
			got = append(got, fmt.Sprintf("%s %s %d", g.first.Kind, g.first.Name, g.more))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
