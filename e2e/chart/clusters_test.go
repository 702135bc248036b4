// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

var (
	aggregation = regexp.MustCompile(`\b(sum|min|max|avg|count|group)\b\s*(by \(([^)]*)\))?\s*\(`)
	matching    = regexp.MustCompile(`\bon \(([^)]*)\)`)
)

// Rules and dashboard tell clusters apart: each aggregation keeps the label cluster, and
// series are matched by it. Only what is of no cluster is matched by nothing: the constants
// of the rules, and "there is none at all".
func TestClustersAreToldApart(t *testing.T) {
	t.Parallel()
	queries := map[string]string{}
	var shipped rules
	readYAML(t, rulesFile(), &shipped)
	for _, r := range shipped.all() {
		queries[r.Record+r.Alert] = r.Expr
	}
	for _, q := range dashboardQueries(t) {
		queries[q.panel+": "+q.expr] = q.expr
		if strings.Contains(q.expr, "caseharden") && !strings.Contains(q.expr, `cluster=~"$cluster"`) && q.expr != "caseharden:timeout_seconds" {
			t.Errorf("%s: the clusters that are picked are ignored: %s", q.panel, q.expr)
		}
	}
	aggregations := 0
	for name, expr := range queries {
		ofNone := strings.ReplaceAll(expr, "unless on () group(last_over_time(caseharden_ready[1d]))", "")
		for _, m := range aggregation.FindAllStringSubmatch(ofNone, -1) {
			if aggregations++; !keepsCluster(m[3]) {
				t.Errorf("%s: %s loses the cluster", name, m[0])
			}
		}
		for _, m := range matching.FindAllStringSubmatch(ofNone, -1) {
			if m[1] != "" && !keepsCluster(m[1]) {
				t.Errorf("%s: %s mixes clusters", name, m[0])
			}
		}
		for rest := range strings.SplitSeq(expr, " on () ") {
			if rest == expr || strings.HasPrefix(expr, rest) {
				continue
			}
			if !strings.Contains(rest, "caseharden:timeout_seconds") && !strings.Contains(rest, "caseharden:replicas") && !strings.Contains(rest, "group(last_over_time") && !strings.HasPrefix(rest, "caseharden_ready{") {
				t.Errorf("%s: on () %s mixes clusters", name, rest)
			}
		}
	}
	if aggregations < 30 {
		t.Errorf("only %d aggregations were found", aggregations)
	}
}

func keepsCluster(labels string) bool {
	return strings.HasPrefix(labels, "cluster,") || labels == "cluster"
}

// One Prometheus scrapes two clusters. What the rules record is of each, and when the replica
// of one ends, that cluster alone has an alert.
func TestOnePrometheusOfTwoClusters(t *testing.T) {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var groups []group
	replicas := map[string]*webhook.Webhook{}
	for _, cluster := range []string{"a", "b"} {
		w, err := webhook.Start(t.Context(), binary, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Stop() })
		replicas[cluster] = w
		groups = append(groups, group{[]string{w.MetricsAddr}, map[string]string{"cluster": cluster}})
	}
	dir := t.TempDir()
	targets, err := json.Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "targets.json")
	if err := os.WriteFile(file, targets, 0o600); err != nil {
		t.Fatal(err)
	}
	m := startPrometheus(t, dir, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs: [{job_name: caseharden, file_sd_configs: [{files: [%q]}]}]
`, rulesFile(), file))

	clusters := func(query string, want ...string) {
		t.Helper()
		bedtest.Within(t, soon, query, func() error {
			found, err := m.ask(t.Context(), query)
			var got []string
			for _, s := range found {
				got = append(got, string(s.Metric["cluster"]))
			}
			slices.Sort(got)
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("it is of %q, want %q", got, want)
			}
			return err
		})
	}
	clusters(`caseharden:certificate_left:seconds{role="serving"}`, "a", "b")
	clusters(`caseharden_ready == 1`, "a", "b")
	clusters(`ALERTS{alertname="CasehardenDown"}`)
	if err := replicas["b"].Stop(); err != nil {
		t.Fatal(err)
	}
	clusters(`ALERTS{alertname="CasehardenDown"}`, "b")
	clusters(`caseharden_ready == 1`, "a")
}
