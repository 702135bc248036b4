// SPDX-License-Identifier: Apache-2.0

package status

import "strings"

// Find returns the workloads that a name means: NAME, KIND/NAME, NAMESPACE/NAME or
// NAMESPACE/KIND/NAME.
func Find(r *Report, name string) []*Workload {
	var found []*Workload
	for i := range r.Clusters {
		for j := range r.Clusters[i].Namespaces {
			workloads := r.Clusters[i].Namespaces[j].Workloads
			for k := range workloads {
				if workloads[k].is(name) {
					found = append(found, &workloads[k])
				}
			}
		}
	}
	return found
}

func (w *Workload) is(name string) bool {
	parts := strings.Split(name, "/")
	last := len(parts) - 1
	if parts[last] != w.Name || last > 2 {
		return false
	}
	kind := func(s string) bool { return strings.EqualFold(s, w.Kind) }
	switch last {
	case 0:
		return true
	case 1:
		return kind(parts[0]) || parts[0] == w.Namespace
	}
	return parts[0] == w.Namespace && kind(parts[1])
}
