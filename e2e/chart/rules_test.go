// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

const alertTests = "testdata/alerts.yaml"

// rules is a file with rules for Prometheus.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

func (r rules) all() []rule {
	var all []rule
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func (r rules) alerts() []string {
	var names []string
	for _, rule := range r.all() {
		if rule.Alert != "" {
			names = append(names, rule.Alert)
		}
	}
	return names
}

func rulesFile() string { return filepath.Join(chartDir(), "files", "rules.yaml") }

// readYAML reads a file into what it is.
func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// promtool runs promtool, and fails the test if it finds anything wrong.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	stdout, stderr, err := run(t, nil, stdin, promtoolBinary, args...)
	if err != nil {
		t.Errorf("promtool %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
}

func TestRules(t *testing.T) {
	promtool(t, "", "check", "rules", "--lint=all", "--lint-fatal", rulesFile())
	promtool(t, "", "test", "rules", alertTests)
}

// Each alert has a test in which it fires, one in which it does not, and a runbook;
// and there is none of an alert that is gone.
func TestAlertsAreTestedAndExplained(t *testing.T) {
	var shipped rules
	readYAML(t, rulesFile(), &shipped)
	var tests struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	readYAML(t, alertTests, &tests)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, alert := range test.AlertRuleTest {
			if len(alert.ExpAlerts) > 0 {
				fires[alert.Alertname] = true
			} else {
				silent[alert.Alertname] = true
			}
		}
	}
	want := slices.Sorted(slices.Values(shipped.alerts()))
	for name, tested := range map[string]map[string]bool{"fires": fires, "does not fire": silent} {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tested))); diff != "" {
			t.Errorf("alerts that are there, and those of which a test shows that one %s (-there +tested):\n%s", name, diff)
		}
	}

	runbooks, err := os.ReadFile(filepath.Join(deploy, "..", "docs", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, heading := range regexp.MustCompile(`(?m)^## (Caseharden\w+)$`).FindAllStringSubmatch(string(runbooks), -1) {
		explained = append(explained, heading[1])
	}
	if diff := cmp.Diff(shipped.alerts(), explained); diff != "" {
		t.Errorf("alerts, and the runbooks in docs/alerts.md (-there +explained):\n%s", diff)
	}
}

// What the chart gives the Prometheus operator are the same rules, and the values have
// their effects on them.
func TestPrometheusRule(t *testing.T) {
	var shipped rules
	readYAML(t, rulesFile(), &shipped)
	rendered := template(t, "--show-only=templates/prometheusrule.yaml", "--set=prometheusRule.enabled=true")
	if diff := cmp.Diff(shipped, specOf(t, rendered)); diff != "" {
		t.Errorf("files/rules.yaml and the PrometheusRule (-file +rendered):\n%s", diff)
	}
	rendered = template(t, "--show-only=templates/prometheusrule.yaml", "--set=prometheusRule.enabled=true,webhook.timeoutSeconds=9,replicas=3",
		"--set=prometheusRule.alertLabels.team=platform,prometheusRule.runbookURL=https://wiki.example.com/alerts.md")
	for _, r := range specOf(t, rendered).all() {
		switch {
		case r.Record == "caseharden:timeout_seconds":
			if r.Expr != "vector(9)" {
				t.Errorf("%s is %s", r.Record, r.Expr)
			}
		case r.Record == "caseharden:replicas":
			if r.Expr != "vector(3)" {
				t.Errorf("%s is %s", r.Record, r.Expr)
			}
		case r.Alert != "":
			if r.Labels["team"] != "platform" || r.Labels["severity"] == "" {
				t.Errorf("%s has the labels %v", r.Alert, r.Labels)
			}
			if want := "https://wiki.example.com/alerts.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("the runbook of %s is at %s", r.Alert, r.Annotations["runbook_url"])
			}
		}
	}
	promtool(t, specYAML(t, rendered), "check", "rules", "--lint=all", "--lint-fatal")
}

// specYAML returns the spec of the only object, which has the form of a file for
// Prometheus.
func specYAML(t *testing.T, rendered string) string {
	t.Helper()
	objects, err := manifests.Decode([]byte(rendered))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	spec, err := yaml.Marshal(objects[0].Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(spec)
}

func specOf(t *testing.T, rendered string) rules {
	t.Helper()
	var spec rules
	if err := yaml.Unmarshal([]byte(specYAML(t, rendered)), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}
