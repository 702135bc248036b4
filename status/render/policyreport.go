// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/status"
)

// mostResults bounds a PolicyReport: an object of the API server has to stay small.
const mostResults = 500

// writePolicyReports writes a PolicyReport for each namespace.
func writePolicyReports(w io.Writer, r *status.Report, _ Style) error {
	return writeReports(w, r, "wgpolicyk8s.io/v1alpha2", "PolicyReport")
}

// writeOpenReports writes a Report of OpenReports for each namespace. It has the fields of a
// PolicyReport.
func writeOpenReports(w io.Writer, r *status.Report, _ Style) error {
	return writeReports(w, r, "openreports.io/v1alpha1", "Report")
}

// writeReports writes an object for each namespace, as a stream of documents: what does not
// run, what lacks settings, and what may break at the next restart. Workloads that are as
// they should be are only counted.
func writeReports(w io.Writer, r *status.Report, apiVersion, kind string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	first := true
	for i := range r.Clusters {
		c := &r.Clusters[i]
		for j := range c.Namespaces {
			if !first {
				if _, err := fmt.Fprintln(w, "---"); err != nil {
					return err
				}
			}
			first = false
			object := policyReport(c, &c.Namespaces[j], r.Time)
			object["apiVersion"], object["kind"] = apiVersion, kind
			if err := encoder.Encode(object); err != nil {
				return err
			}
		}
	}
	return nil
}

// policyReport returns what is said of a namespace, without apiVersion and kind.
func policyReport(c *status.Cluster, n *status.NamespaceReport, now time.Time) m {
	counts := map[string]int{"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
	results := []m{}
	add := func(w *status.Workload, rule, result string, severity evidence.Severity, message string) {
		counts[result]++
		if len(results) == mostResults {
			return
		}
		version := "v1"
		if w != nil && w.Group != "" {
			version = w.Group + "/v1"
		}
		entry := m{
			"policy": "caseharden", "rule": rule, "result": result, "severity": string(severity), "message": message, "source": "caseharden",
			"timestamp": m{"seconds": now.Unix(), "nanos": 0},
		}
		if w != nil {
			entry["resources"] = []m{{"apiVersion": version, "kind": w.Kind, "namespace": w.Namespace, "name": w.Name}}
		}
		results = append(results, entry)
	}
	for _, p := range n.Problems {
		add(nil, p.ID, "error", p.Severity, sentence(p.What))
	}
	for i := range n.Workloads {
		w := &n.Workloads[i]
		before := counts["fail"] + counts["warn"]
		for j := range w.Findings {
			f := &w.Findings[j]
			add(w, f.ID, "fail", f.Severity, sentence(f.What))
		}
		if lacks := w.Lacks(); lacks > 0 {
			add(w, "not-hardened", "fail", evidence.Medium, fmt.Sprintf("%d of %d Pods lack settings: %s.", lacks, w.Pods, stateWords(w.States)))
		}
		if next := w.Next; next != nil {
			for j := range next.Findings {
				f := &next.Findings[j]
				add(w, f.ID, "warn", f.Severity, "At the next restart: "+sentence(f.What))
			}
		}
		if counts["fail"]+counts["warn"] == before {
			counts["pass"]++
		}
	}
	labels := m{"app.kubernetes.io/managed-by": "caseharden"}
	metadata := m{"name": "caseharden", "namespace": n.Name, "labels": labels}
	if c.Name != "" {
		metadata["annotations"] = m{"caseharden.io/cluster": c.Name}
	}
	return m{
		"metadata": metadata,
		"scope":    m{"apiVersion": "v1", "kind": "Namespace", "name": n.Name},
		"summary":  counts, "results": results,
	}
}
