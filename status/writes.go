// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"slices"
)

// A runtime makes the targets of mounts in the layer of a container: directories and empty
// files for /etc/hosts, /dev/termination-log, the token of the service account and volumes.
// What takes no more than a directory for each, and few of them, is such: eight for a Pod
// with a token and one volume.
const (
	mostRuntimeInodes = 24
	directoryBytes    = 4096
)

// A Candidate is a container that has written nothing to its own layer.
type Candidate struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Bytes     uint64 `json:"bytes"`
	Inodes    uint64 `json:"inodes"`
}

// candidates returns the containers whose layer holds nothing but what a runtime makes. It
// may take a small empty directory for one of the runtime's, so the word is candidate.
func (s *Snapshot) candidates() []Candidate {
	var all []Candidate
	for _, w := range s.written {
		n := s.Namespace(w.Namespace)
		if n == nil || !n.Asks() || w.Inodes == 0 || w.Inodes > mostRuntimeInodes || w.Bytes > directoryBytes*w.Inodes {
			continue
		}
		all = append(all, Candidate(w))
	}
	slices.SortFunc(all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Container, b.Container))
	})
	return all
}
