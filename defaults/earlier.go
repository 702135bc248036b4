// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	"github.com/go-json-experiment/json"
)

// InjectedAnnotation is the annotation on a pod that says what was filled in. It
// holds JSON:
//
//	{"profile":"hardened","containers":{"app":["runAsUser"]},"pod":["fsGroup"]}
const InjectedAnnotation = "caseharden.io/injected"

// A Record is what [InjectedAnnotation] says.
type Record struct {
	Profile       string              `json:"profile"`
	Containers    map[string][]string `json:"containers"`    // names of fields, by container
	Pod           []string            `json:"pod"`           // names of fields at pod level
	WritablePaths map[string][]string `json:"writablePaths"` // by container
}

// EarlierPass returns what the pod's annotation says of an earlier pass; nil if
// there was none. An annotation that cannot be read is not ours, and says nothing.
func (p *Pod) EarlierPass() *Record {
	annotation, found := p.Annotations[InjectedAnnotation]
	if !found {
		return nil
	}
	var record *Record
	if json.Unmarshal([]byte(annotation), &record) != nil {
		return nil
	}
	return record
}

// DeclaresNonRoot reports whether the author declares runAsNonRoot: true for a container of
// the pod, on it or on the pod that it inherits from. What an earlier pass filled in is no
// declaration of the author's: an exception that asks for it must not begin to match by it.
//
// Of containers that share a name the record cannot say which it means, so none of them
// declares anything. The API server refuses such a pod.
func (p *Pod) DeclaresNonRoot(c *Container) bool {
	sc, onContainer := &c.SecurityContext, c.SecurityContext.Sets(runAsNonRoot)
	if !onContainer {
		sc = &p.SecurityContext
	}
	if !sc.RunAsNonRoot {
		return false
	}
	if p.nonRoot == nil {
		p.nonRoot = p.readNonRoot()
	}
	if onContainer && p.nonRoot.containers[c.Name] || !onContainer && p.nonRoot.pod {
		return false
	}
	return !p.nonRoot.shared[c.Name]
}

// nonRoot says where an earlier pass filled in runAsNonRoot. It is read once for a pod,
// which may have many containers.
type nonRoot struct {
	pod        bool
	containers map[string]bool
	shared     map[string]bool // names of several containers
}

func (p *Pod) readNonRoot() *nonRoot {
	n := &nonRoot{}
	if len(p.Containers) > 1 {
		n.shared = make(map[string]bool, len(p.Containers))
		for i := range p.Containers {
			name := p.Containers[i].Name
			_, seen := n.shared[name]
			n.shared[name] = seen
		}
	}
	record := p.EarlierPass()
	if record == nil {
		return n
	}
	n.pod = slices.Contains(record.Pod, runAsNonRoot.Name)
	n.containers = map[string]bool{}
	for name, fields := range record.Containers {
		n.containers[name] = slices.Contains(fields, runAsNonRoot.Name)
	}
	return n
}
