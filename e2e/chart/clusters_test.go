// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"regexp"
	"strings"
	"testing"
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
