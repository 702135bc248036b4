// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"strings"
	"sync"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview/hazard"
)

// An unread container waits for its image. Of everything else, what is known is here.
type unread struct {
	*hazard.Subject
	facts  evidence.Facts
	digest string // of the image that was read
	found  []evidence.Finding
}

// awaiting are the containers of a workload that wait for their images.
type awaiting struct {
	workload int // in the report
	subjects []unread
}

// examine adds the findings for a pair to the workload, and returns the containers that
// have to wait for their images.
func (p *previewer) examine(w *Workload, pair hazard.Pair, live statuses) []unread {
	found, containers := hazard.Examine(pair)
	w.Findings = append(w.Findings, found...)
	var waiting []unread
	var madeOf map[string]made
	if len(live) > 0 {
		madeOf = containersOf(&pair.Before.Spec)
	}
	for _, c := range containers {
		facts := evidence.Facts{Runtime: p.runtime, Status: live[madeOf[c.Name]]}
		if of := w.container(c.Name); of != nil {
			of.Digest = runningDigest(facts.Status)
		}
		if p.known != nil {
			facts.Known = p.known(c.Image)
		}
		if p.awaitImages {
			waiting = append(waiting, unread{Subject: c, facts: facts})
			continue
		}
		w.Findings = append(w.Findings, c.Judge(facts)...)
	}
	return waiting
}

// runningDigest returns the digest of the image that runs; "" where the status has none.
// The imageID of a runtime is a name with a digest, or with Docker an ID of its own.
func runningDigest(s *evidence.Status) string {
	if s == nil {
		return ""
	}
	_, digest, _ := strings.Cut(s.ImageID, "@")
	return digest
}

// images reads the images of all containers, each once, and judges the containers of an
// image while it is there.
func (b *builder) images(read ReadImages, platform string) {
	if read == nil {
		return
	}
	var names []string
	of := map[string][]*unread{}
	for i := range b.awaiting {
		for j := range b.awaiting[i].subjects {
			s := &b.awaiting[i].subjects[j]
			if of[s.Image] == nil && s.Image != "" {
				names = append(names, s.Image)
			}
			of[s.Image] = append(of[s.Image], s)
		}
	}
	var mu sync.Mutex // guards judged
	judged := map[string]bool{}
	judge := func(image string, i *evidence.Image, err error) {
		mu.Lock()
		again := judged[image]
		judged[image] = true
		mu.Unlock()
		if again {
			return
		}
		alike := map[string][]evidence.Finding{} // pods of one controller are
		for _, s := range of[image] {
			key := s.Key(s.facts.Status)
			found, known := alike[key]
			if !known {
				s.facts.Image, s.facts.ImageErr = i, err
				found = s.Judge(s.facts)
				s.facts.Image = nil // its memory is the reader's
				alike[key] = found
			}
			s.found = found
			if i != nil {
				s.digest = i.Digest
			}
		}
	}
	if len(names) > 0 {
		read(names, platform, judge)
	}
	for image := range of {
		judge(image, nil, nil) // of those that were not read
	}
	for _, a := range b.awaiting {
		w := &b.report.Workloads[a.workload]
		for _, s := range a.subjects {
			w.Findings = append(w.Findings, s.found...)
			if c := w.container(s.Name); c != nil && s.digest != "" {
				c.Digest = s.digest // that of its platform, which was judged
			}
		}
	}
	b.awaiting = nil
}
