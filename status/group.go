// SPDX-License-Identifier: Apache-2.0

package status

import "slices"

// mostExamples is how many Pods are named for a state.
const mostExamples = 3

// A group is the Pods of one controller, added up: so that memory grows with controllers
// and not with Pods.
type group struct {
	states   map[State]int
	examples map[State][]string
	pods     int
	ready    int
	missing  []string
	changed  []string
	left     []string

	readyBefore  string           // a Pod that is ready and not hardened
	usersBefore  map[string]int64 // as whom the containers of such a Pod run
	readyAlike   string           // a Pod that is ready and hardened
	troubledPods int
	troubles     []Trouble
}

// group returns the group of the Pods of a controller.
func (s *Snapshot) group(owner Ref) *group {
	if s.groups == nil {
		s.groups = map[Ref]*group{}
	}
	g := s.groups[owner]
	if g == nil {
		g = &group{states: map[State]int{}}
		s.groups[owner] = g
	}
	return g
}

func (g *group) add(p *pod) {
	g.pods++
	g.states[p.state]++
	if p.state != Hardened && p.owner.Kind != "Pod" {
		g.example(p.state, p.name)
	}
	insertAll(&g.missing, p.missing)
	insertAll(&g.changed, p.changed)
	insertAll(&g.left, p.left)
	switch {
	case p.ready && p.record == nil:
		g.readyBefore, g.usersBefore = p.name, p.running
	case p.ready:
		g.readyAlike = p.name
	}
	if p.ready {
		g.ready++
	}
	if len(p.troubles) > 0 {
		g.troubledPods++
	}
	for _, t := range p.troubles {
		g.trouble(t)
	}
}

// example adds the name of a Pod in a state, up to a few.
func (g *group) example(state State, name string) {
	if g.examples == nil {
		g.examples = map[State][]string{}
	}
	if len(g.examples[state]) < mostExamples {
		g.examples[state] = append(g.examples[state], name)
	}
}

// insertAll adds names to a sorted list. An empty list becomes the names, without a copy.
func insertAll(into *[]string, names []string) {
	if len(*into) == 0 {
		*into = slices.Clip(names) // so that to insert never changes what is shared
		return
	}
	for _, name := range names {
		*into = insert(*into, name)
	}
}

// trouble adds the trouble of a container, or counts it if another Pod has it already.
func (g *group) trouble(t Trouble) {
	for i := range g.troubles {
		if known := &g.troubles[i]; known.alike(&t) {
			known.Pods++
			return
		}
	}
	if len(g.troubles) < 8 {
		g.troubles = append(g.troubles, t)
	}
}

// with returns the sum of two groups of the same topmost controller, which stay as they are.
func (g *group) with(o *group) *group {
	sum := &group{states: map[State]int{}}
	sum.merge(g)
	sum.merge(o)
	return sum
}

func (g *group) merge(o *group) {
	g.pods += o.pods
	g.ready += o.ready
	g.troubledPods += o.troubledPods
	for state, n := range o.states {
		g.states[state] += n
		for _, name := range o.examples[state] {
			g.example(state, name)
		}
	}
	insertAll(&g.missing, o.missing)
	insertAll(&g.changed, o.changed)
	insertAll(&g.left, o.left)
	if o.readyBefore != "" {
		g.readyBefore, g.usersBefore = o.readyBefore, o.usersBefore
	}
	if o.readyAlike != "" {
		g.readyAlike = o.readyAlike
	}
	for _, t := range o.troubles {
		n := t.Pods
		t.Pods = 1
		for range n {
			g.trouble(t)
		}
	}
}
