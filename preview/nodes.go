// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"slices"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/manifest"
)

// nodes is what the Nodes in the input agree on.
type nodes struct {
	runtime  string // such as containerd://2.2.0
	platform string // such as linux/amd64
}

// nodesIn returns what the Nodes in the input agree on. Of several runtimes it
// returns one of them that keeps low ports closed, if there is one: a pod may run there.
func nodesIn(files []*manifest.File) nodes {
	var runtimes, platforms []string
	for _, f := range files {
		for _, d := range f.Documents {
			for _, o := range d.Objects {
				if o.APIVersion != "v1" || o.Kind != "Node" {
					continue
				}
				var node struct {
					Status struct {
						NodeInfo struct {
							Runtime      string `json:"containerRuntimeVersion"`
							OS           string `json:"operatingSystem"`
							Architecture string `json:"architecture"`
						} `json:"nodeInfo"`
					} `json:"status"`
				}
				info := &node.Status.NodeInfo
				if jsonv2.Unmarshal(o.Raw, &node) == nil && info.OS == "linux" {
					runtimes = append(runtimes, info.Runtime)
					platforms = append(platforms, info.OS+"/"+info.Architecture)
				}
			}
		}
	}
	n := nodes{platform: agreed(platforms)}
	if n.runtime = agreed(runtimes); n.runtime == "" {
		if i := slices.IndexFunc(runtimes, evidence.RefusesLowPorts); i >= 0 {
			n.runtime = runtimes[i]
		}
	}
	return n
}

// agreed returns the one that all are; "" if there are several.
func agreed(all []string) string {
	for _, a := range all {
		if a != all[0] {
			return ""
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
