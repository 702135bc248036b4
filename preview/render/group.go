// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caseharden/caseharden/preview"
)

// A group is a workload, and how many more come out as it does.
type group struct {
	first *preview.Workload
	more  int
}

// grouped groups the pods of a controller that come out alike, as replicas do: with the
// workload that made them, if that is there and comes out alike too.
func grouped(workloads []*preview.Workload) []*group {
	makers := makersOf(workloads)
	var groups []*group
	alike := map[string]*group{}
	for _, w := range workloads {
		maker := makers[w]
		if maker == "" {
			groups = append(groups, &group{first: w})
			continue
		}
		key := maker + outcomeOf(w)
		g := alike[key]
		switch {
		case g == nil:
			g = &group{first: w}
			alike[key] = g
			groups = append(groups, g)
		case maker == identity(w):
			g.first = w
			g.more++
		default:
			g.more++
		}
	}
	return groups
}

// outcomeOf returns what comes out for a workload, without what tells it from others.
func outcomeOf(w *preview.Workload) string {
	same := *w
	same.File, same.Document, same.Line, same.APIVersion, same.Kind, same.Name, same.Template, same.Owner = "", 0, 0, "", "", "", "", ""
	key, err := json.Marshal(same)
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling a workload: %s", err))
	}
	return string(key)
}

// makersOf names what made each pod: the workload that is there and has its template, or else
// its controller. The workloads that made pods are their own makers; nothing else has one.
func makersOf(workloads []*preview.Workload) map[*preview.Workload]string {
	there := map[string]*preview.Workload{}
	for _, w := range workloads {
		if w.Excluded == "" && w.Kind != "Pod" {
			there[identity(w)] = w
		}
	}
	makers := map[*preview.Workload]string{}
	for _, w := range workloads {
		if w.Owner == "" || w.Excluded != "" {
			continue
		}
		maker := w.Namespace + "/" + w.Owner
		// A Deployment adds a hash to its name for its ReplicaSets, and a CronJob the time.
		above := maker[:max(0, strings.LastIndexByte(maker, '-'))]
		above = strings.Replace(strings.Replace(above, "/ReplicaSet ", "/Deployment ", 1), "/Job ", "/CronJob ", 1)
		for _, candidate := range []string{maker, above} {
			if by := there[candidate]; by != nil && by != w {
				maker = candidate
				makers[by] = candidate
			}
		}
		makers[w] = maker
	}
	return makers
}

// identity names a workload as [makersOf] does.
func identity(w *preview.Workload) string { return w.Namespace + "/" + w.Kind + " " + w.Name }
