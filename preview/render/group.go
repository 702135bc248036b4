// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"

	"github.com/caseharden/caseharden/preview"
)

// A group is a workload, and how many more come out as it does.
type group struct {
	first *preview.Workload
	more  int
}

// grouped groups the pods of a controller that come out alike, as replicas do.
func grouped(workloads []*preview.Workload) []*group {
	var groups []*group
	alike := map[string]*group{}
	for _, w := range workloads {
		if w.Owner == "" || w.Excluded != "" {
			groups = append(groups, &group{first: w})
			continue
		}
		same := *w
		same.File, same.Document, same.Line, same.Name = "", 0, 0, ""
		key, err := json.Marshal(same)
		if err != nil {
			panic(fmt.Sprintf("internal error: marshalling a workload: %s", err))
		}
		if g := alike[string(key)]; g != nil {
			g.more++
			continue
		}
		g := &group{first: w}
		alike[string(key)] = g
		groups = append(groups, g)
	}
	return groups
}
