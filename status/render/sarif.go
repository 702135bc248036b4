// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/status"
)

type m = map[string]any

// writeSARIF writes what does not run and what may break at the next restart, each at the
// object that it is about. There are no files to point at: code scanning that needs some
// shows what preview -o sarif writes.
func writeSARIF(w io.Writer, r *status.Report, _ Style) error {
	results, ids := []m{}, []string{}
	add := func(c *status.Cluster, w *status.Workload, f *evidence.Finding, when string) {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
		name := strings.Join([]string{w.Namespace, strings.ToLower(w.Kind), w.Name}, "/")
		if len(r.Clusters) > 1 {
			name = c.Name + "/" + name
		}
		results = append(results, m{
			"ruleId": f.ID, "level": level(f), "kind": "fail",
			"message":             m{"text": when + sentence(f.What) + " Fix: " + sentence(f.Fix)},
			"locations":           []m{{"logicalLocations": []m{{"name": w.Name, "fullyQualifiedName": name, "kind": "resource"}}}},
			"partialFingerprints": m{"caseharden/v1": name + "/" + f.Container + "/" + f.ID + "/" + when},
		})
	}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		for j := range c.Namespaces {
			for k := range c.Namespaces[j].Workloads {
				w := &c.Namespaces[j].Workloads[k]
				for l := range w.Findings {
					add(c, w, &w.Findings[l].Finding, "")
				}
				if w.Next == nil {
					continue
				}
				for l := range w.Next.Findings {
					add(c, w, &w.Next.Findings[l], "At the next restart: ")
				}
			}
		}
	}
	slices.Sort(ids)
	rules := []m{}
	for _, id := range ids {
		rules = append(rules, m{"id": id, "shortDescription": m{"text": id}})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(m{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []m{{"tool": m{"driver": m{"name": "caseharden status", "rules": rules}}, "results": results}},
	})
}

func level(f *evidence.Finding) string {
	switch {
	case f.Verdict == evidence.Breaks || f.Severity == evidence.High:
		return "error"
	case f.Severity == evidence.Medium:
		return "warning"
	}
	return "note"
}
