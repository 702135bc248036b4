// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/text"
)

// kubectlNames are the short names that kubectl has for kinds.
var kubectlNames = map[string]string{
	"po": "pod", "deploy": "deployment", "rs": "replicaset", "sts": "statefulset", "ds": "daemonset",
	"cj": "cronjob", "rc": "replicationcontroller",
}

// Find returns the workloads that a name stands for: NAME, KIND/NAME or NAMESPACE/NAME, with
// the kind as kubectl takes it, such as deployment, deployments or deploy. The error says
// which names are close.
func (r *Report) Find(name string) ([]*Workload, error) {
	var found []*Workload
	var known []string
	before, last, qualified := strings.Cut(name, "/")
	for i := range r.Workloads {
		w := &r.Workloads[i]
		known = append(known, w.Name)
		if w.Name == name || qualified && w.Name == last && (w.Namespace == before || isKind(before, w.Kind)) {
			found = append(found, w)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if !qualified {
		last = name
	}
	return nil, fmt.Errorf("no workload %q among %s%s", name, text.Count(len(r.Workloads), "workload"), r.suggestion(last, known))
}

// isKind reports whether a word means the kind.
func isKind(word, kind string) bool {
	word, kind = strings.ToLower(word), strings.ToLower(kind)
	return word == kind || word == kind+"s" || kubectlNames[word] == kind
}

const mostSuggestions = 4

// suggestion names the workloads whose name is close to a misspelled one, is the same, or
// begins or ends with it.
func (r *Report) suggestion(name string, known []string) string {
	closest := suggest.Closest(name, known)
	var names []string
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if w.Name != name && w.Name != closest && (name == "" || !strings.HasPrefix(w.Name, name) && !strings.HasSuffix(w.Name, name)) {
			continue
		}
		full := strings.ToLower(w.Kind) + "/" + w.Name
		if w.Namespace != "" {
			full = w.Namespace + "/" + w.Name
		}
		if full = text.Visible(full); !slices.Contains(names, full) {
			names = append(names, full)
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > mostSuggestions:
		return fmt.Sprintf("; similar names: %s and %d more", strings.Join(names[:mostSuggestions], ", "), len(names)-mostSuggestions)
	}
	return "; similar names: " + strings.Join(names, ", ")
}
