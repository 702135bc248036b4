// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/evidence"
)

// workloadWith returns a workload of the containers a and b, in which two settings would be
// injected and one is left.
func workloadWith(findings ...evidence.Finding) Workload {
	decisions := func() []Decision {
		return []Decision{{Field: "runAsUser", Outcome: "inject"}, {Field: "seccompProfile", Outcome: "inject"}, {Field: "runAsNonRoot", Outcome: "leave"}}
	}
	w := Workload{Name: "w", Changed: true, PodSecurity: &PodSecurity{}, Findings: findings, Containers: []Container{
		{Name: "a", Decisions: decisions()}, {Name: "b", Decisions: decisions()},
	}}
	w.SetVerdicts()
	return w
}

func found(container string, v evidence.Verdict, s evidence.Severity, settings ...string) evidence.Finding {
	return evidence.Finding{ID: "x", Container: container, Verdict: v, Severity: s, Settings: settings}
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		findings []evidence.Finding
		want     []string // of the settings of both containers, and of the workload
	}{
		"nothing is known": {nil, []string{"unknown", "unknown", "unknown", "unknown", "unknown"}},
		"a finding is of its container and its settings": {
			[]evidence.Finding{found("b", evidence.Risk, evidence.Low, "runAsUser")},
			[]string{"unknown", "unknown", "risk low", "unknown", "risk low"},
		},
		"the worst counts": {
			[]evidence.Finding{found("a", evidence.Risk, evidence.High, "runAsUser"), found("a", evidence.Breaks, evidence.High, "runAsUser"), found("a", evidence.Risk, evidence.Medium, "runAsUser")},
			[]string{"breaks high", "unknown", "unknown", "unknown", "breaks high"},
		},
		"of the pod as a whole": {
			[]evidence.Finding{found("", evidence.Risk, evidence.Medium, "seccompProfile")},
			[]string{"unknown", "risk medium", "unknown", "risk medium", "risk medium"},
		},
		"what is proven stays proven where something else is unknown": {
			[]evidence.Finding{found("a", evidence.Fits, evidence.Low, "runAsUser"), found("a", evidence.Unknown, evidence.Low, "runAsUser")},
			[]string{"fits", "unknown", "unknown", "unknown", "unknown"},
		},
		"all fits": {
			[]evidence.Finding{found("", evidence.Fits, evidence.Low, "runAsUser", "seccompProfile")},
			[]string{"fits", "fits", "fits", "fits", "fits"},
		},
		"a finding that names nothing injected counts for the workload": {
			[]evidence.Finding{found("a", evidence.Risk, evidence.High, "runAsNonRoot")},
			[]string{"unknown", "unknown", "unknown", "unknown", "risk high"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := workloadWith(c.findings...)
			var got []string
			w.EachDecision(func(d Decision) {
				if d.Outcome == "inject" {
					got = append(got, words(d.Verdict, d.Severity))
				} else if d.Verdict != "" {
					t.Errorf("%s is not injected, and %s", d.Field, d.Verdict)
				}
			})
			if diff := cmp.Diff(c.want, append(got, words(w.Verdict, w.Severity))); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
			for _, f := range Summarize([]Workload{w}).Fields {
				if v := f.Verdicts; v.Breaks+v.Risk.Total()+v.Unknown+v.Fits != f.Inject {
					t.Errorf("%s: the verdicts %+v are not those of %d", f.Field, v, f.Inject)
				}
			}
		})
	}
}

func words(v evidence.Verdict, s evidence.Severity) string {
	if s == "" {
		return string(v)
	}
	return string(v) + " " + string(s)
}

// What is hidden is counted, a proof is never hidden, and no verdict changes.
func TestMinSeverity(t *testing.T) {
	w := workloadWith(found("a", evidence.Risk, evidence.Low, "runAsUser"), found("b", evidence.Risk, evidence.High, "runAsUser"), found("b", evidence.Breaks, evidence.Low, "runAsUser"))
	before := slices.Clone(w.Containers[0].Decisions)
	if n := w.hide(evidence.Medium); n != 1 || len(w.Findings) != 2 {
		t.Errorf("%d hidden, %d left", n, len(w.Findings))
	}
	if diff := cmp.Diff(before, w.Containers[0].Decisions); diff != "" {
		t.Error(diff)
	}
	for _, s := range []evidence.Severity{"", evidence.Low} {
		if n := w.hide(s); n != 0 {
			t.Errorf("--min-severity %q hides %d", s, n)
		}
	}
}

func TestByRisk(t *testing.T) {
	risk := func(s evidence.Severity, settings ...string) Workload {
		return workloadWith(found("a", evidence.Risk, s, settings...))
	}
	named := func(name string, w Workload) Workload {
		w.Name = name
		return w
	}
	all := []Workload{
		{Name: "excluded", Excluded: "x"},
		{Name: "unchanged", PodSecurity: &PodSecurity{}},
		named("fits", workloadWith(found("", evidence.Fits, "", "runAsUser", "seccompProfile"))),
		named("unknown", workloadWith()),
		named("unknown too", workloadWith()),
		named("low", risk(evidence.Low, "runAsUser")),
		named("high", risk(evidence.High, "runAsUser")),
		named("high twice", risk(evidence.High, "runAsUser", "seccompProfile")),
		named("breaks", workloadWith(found("a", evidence.Breaks, evidence.High, "runAsUser"))),
	}
	var got []string
	for _, w := range ByRisk(all) {
		got = append(got, w.Name)
	}
	want := []string{"breaks", "high twice", "high", "low", "unknown", "unknown too", "fits", "unchanged", "excluded"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("riskiest first (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	r := &Report{Workloads: []Workload{
		{Kind: "Deployment", Namespace: "shop", Name: "web"}, {Kind: "StatefulSet", Namespace: "bank", Name: "web"},
		{Kind: "Pod", Name: "web"}, {Kind: "Pod", Namespace: "deploy", Name: "api"}, {Kind: "Pod", Name: "x\x1b[2J"},
	}}
	for name, want := range map[string]int{
		"web": 3, "shop/web": 1, "deployment/web": 1, "Deployments/web": 1, "deploy/web": 1, "sts/web": 1, "po/web": 1, "pod/web": 1, "deploy/api": 1,
		"deployment/shop/web": 1, "sts/bank/web": 1, "deployment.apps/web": 1, "Deployment.apps/shop/web": 1, "pod/deploy/api": 1,
	} {
		if got, err := r.Find(name); err != nil || len(got) != want {
			t.Errorf("Find(%q): %d, %v, want %d", name, len(got), err, want)
		}
	}
	for name, want := range map[string]string{
		"wbe":                   `no workload "wbe" among 5 workloads; similar names: deployment/shop/web, statefulset/bank/web, pod/web`,
		"bank/api":              `no workload "bank/api" among 5 workloads; similar names: pod/deploy/api`,
		"nothing":               `no workload "nothing" among 5 workloads; names are such as deployment/shop/web, statefulset/bank/web, pod/web, pod/deploy/api`,
		"":                      `no workload "" among 5 workloads; names are such as deployment/shop/web, statefulset/bank/web, pod/web, pod/deploy/api`,
		"deployment/":           `no workload "deployment/" among 5 workloads; names are such as deployment/shop/web, statefulset/bank/web, pod/web, pod/deploy/api`,
		"deployment/bank/web":   `no workload "deployment/bank/web" among 5 workloads; similar names: deployment/shop/web, statefulset/bank/web, pod/web`,
		"a/deployment/bank/web": `no workload "a/deployment/bank/web" among 5 workloads; similar names: deployment/shop/web, statefulset/bank/web, pod/web`,
		"x":                     `no workload "x" among 5 workloads; similar names: pod/x\u001b[2J`,
		"shop/api\x1b":          `no workload "shop/api\x1b" among 5 workloads; similar names: pod/deploy/api`,
	} {
		if _, err := r.Find(name); err == nil || err.Error() != want {
			t.Errorf("Find(%q): %v, want %s", name, err, want)
		}
	}
}
