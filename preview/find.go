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

// Find returns the workloads that a name stands for: NAME, KIND/NAME, NAMESPACE/NAME or
// KIND/NAMESPACE/NAME, with the kind as kubectl takes it, such as deployment, deployments,
// deploy or deployment.apps. The error says which names are close, or which there are.
func (r *Report) Find(name string) ([]*Workload, error) {
	var found []*Workload
	for i := range r.Workloads {
		if w := &r.Workloads[i]; w.isNamed(strings.Split(name, "/")) {
			found = append(found, w)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("no workload %q among %s%s", name, text.Count(len(r.Workloads), "workload"), r.suggestion(name))
}

func (w *Workload) isNamed(parts []string) bool {
	if parts[len(parts)-1] != w.Name {
		return false
	}
	switch len(parts) {
	case 1:
		return true
	case 2:
		return w.Namespace == parts[0] || isKind(parts[0], w.Kind)
	case 3:
		return w.Namespace == parts[1] && isKind(parts[0], w.Kind)
	}
	return false
}

// isKind reports whether a word means the kind.
func isKind(word, kind string) bool {
	word, _, _ = strings.Cut(word, ".") // the API group
	word, kind = strings.ToLower(word), strings.ToLower(kind)
	return word == kind || word == kind+"s" || kubectlNames[word] == kind
}

const mostSuggestions = 4

// suggestion names the workloads whose name is close to a misspelled one, is the same, or
// begins or ends with it; some of all where none is.
func (r *Report) suggestion(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	var known, all, close []string
	for i := range r.Workloads {
		known = append(known, r.Workloads[i].Name)
	}
	closest := suggest.Closest(last, known)
	add := func(names []string, full string) []string {
		if slices.Contains(names, full) {
			return names
		}
		return append(names, full)
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		full := text.Visible(strings.ToLower(w.Kind) + "/" + strings.TrimPrefix(w.Namespace+"/"+w.Name, "/"))
		if len(all) < mostSuggestions {
			all = add(all, full)
		}
		if w.Name == last || w.Name == closest || last != "" && (strings.HasPrefix(w.Name, last) || strings.HasSuffix(w.Name, last)) {
			close = add(close, full)
		}
	}
	switch n := len(close) - mostSuggestions; {
	case n > 0:
		return fmt.Sprintf("; similar names: %s and %d more", strings.Join(close[:mostSuggestions], ", "), n)
	case len(close) > 0:
		return "; similar names: " + strings.Join(close, ", ")
	case len(all) > 0:
		return "; names are such as " + strings.Join(all, ", ")
	}
	return ""
}
