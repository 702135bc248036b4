// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"testing"
	"time"
)

// The model is the state machine of view.plan itself, for two replicas and an API
// server, in all orders in which they can do what they can do: look at the Secret, look
// at the configuration, take the step that the plan says, which the API server refuses
// if what it rests on has changed; and crash, and time passes. Somebody may delete the
// Secret, replace it by another, or wipe the caBundles in between. The clock of a replica
// may be set to another time, wrong or right, at any moment. The API server that a replica
// reaches may tell a wrong time, and then the right one again.
//
// Time goes in ticks, of which one is the propagation time. It is the API server's time.
const (
	modelTick     = 2 * backdate
	modelLifetime = 6 * modelTick
)

var (
	modelStart   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	modelOptions = ManagedOptions{Lifetime: modelLifetime, Propagation: modelTick}
)

func at(tick int) time.Time { return modelStart.Add(time.Duration(tick) * modelTick) }

// modelKeyPair is a key pair that was made in a tick. Of those that the two
// replicas make in one tick the writer tells them apart.
func modelKeyPair(tick, writer int) *keyPair {
	name := fmt.Sprintf("%d%c", tick, 'a'+writer)
	certificate := func(raw string) *x509.Certificate {
		return &x509.Certificate{Raw: []byte(raw), Subject: pkix.Name{CommonName: caNamePrefix + name}, NotBefore: at(tick).Add(-backdate), NotAfter: at(tick).Add(modelLifetime)}
	}
	return &keyPair{issuer: certificate(name), leaf: certificate("leaf " + name)}
}

func (w *world) intervene() { w.interventions, w.untouched = w.interventions-1, false }

// next returns the worlds that can come after this one.
func (w *world) next(t *testing.T) []*world {
	var all []*world
	add := func(change func(*world)) {
		c := w.clone()
		change(c)
		all = append(all, c)
	}
	for i := range w.replicas {
		r := &w.replicas[i]
		if !r.sawSecret || r.secretSeen != w.secretVersion {
			add(func(c *world) { c.lookAtSecret(i) })
		}
		if !r.sawBundle || r.bundleSeen != w.bundleVersion {
			add(func(c *world) { c.lookAtBundle(i) })
		}
		if r.sawSecret && r.sawBundle {
			c := w.clone()
			if did, broken := c.act(i); broken != "" {
				t.Fatalf("tick %d, replica %d: %s: %s", w.tick, i, did, broken)
			} else if did != nothing {
				all = append(all, c)
			}
		}
		if w.crashes > 0 {
			add(func(c *world) { c.replicas[i] = replica{own: r.own, lie: r.lie, told: r.own}; c.crashes-- })
		}
		for _, wrong := range w.clockErrors {
			if w.clocks > 0 && wrong != r.own && (i == 0 || !w.mute) { // of two alike, one is enough
				add(func(c *world) { c.replicas[i].setClock(wrong); c.clocks-- })
			}
			if w.lies > 0 && wrong != 0 && w.tick < w.end && i == 0 { // of two alike, one is enough
				add(func(c *world) { c.replicas[i].lie, c.lies = wrong, c.lies-1 })
			}
		}
		if r.lie != 0 {
			add(func(c *world) { c.replicas[i].lie = 0 })
		}
	}
	if w.interventions > 0 {
		add(func(c *world) { c.setSecret(secretView{currentProblem: "deleted"}); c.intervene() })
		add(func(c *world) { c.setBundle(nil); c.intervene() })
		add(func(c *world) {
			c.setSecret(secretView{current: modelKeyPair(c.tick, 2)})
			c.intervene()
		})
	}
	if w.oddities > 0 {
		add(func(c *world) {
			c.setSecret(secretView{current: modelKeyPair(c.tick+6, 3)}) // not valid yet
			c.oddities, c.untouched = c.oddities-1, false
		})
		add(func(c *world) {
			c.setSecret(secretView{current: c.secret.current, next: modelKeyPair(c.tick+6, 3)})
			c.oddities, c.untouched = c.oddities-1, false
		})
	}
	if w.tick < w.end && !w.isStarting() {
		add(func(c *world) { c.tick++ })
	}
	return all
}

// isStarting reports whether a replica that serves nothing yet has an outdated view: it has
// just read what there is, and a minute later it would know better. One that serves may
// have been suspended.
func (w *world) isStarting() bool {
	return slices.ContainsFunc(w.replicas[:], func(r replica) bool {
		outdated := r.sawSecret && r.secretSeen != w.secretVersion || r.sawBundle && r.bundleSeen != w.bundleVersion
		return r.view.serving == nil && outdated
	})
}

// settle lets both replicas do what they want, in turn and with what is there, for as
// many ticks as a rotation takes. Then both must serve one key pair that works, and
// have nothing more to do. Their clocks may stay wrong if the API servers tell the time.
func (w *world) settle() string {
	c := w.clone()
	for i := range c.replicas {
		c.replicas[i].lie = 0
		if c.mute {
			c.replicas[i].setClock(0)
		}
	}
	busy := true
	for range 5 {
		for i := range c.replicas { // a watch ends within a tick, and the object is read again
			c.replicas[i].ask(c)
		}
		for range 30 {
			busy = false
			for i := range c.replicas {
				c.lookAtSecret(i)
				c.lookAtBundle(i)
				did, broken := c.act(i)
				if broken != "" {
					return broken
				}
				busy = busy || did != nothing
			}
			if !busy {
				break
			}
		}
		c.tick++
	}
	c.tick--
	a, b := c.replicas[0].view.serving, c.replicas[1].view.serving
	switch {
	case a == nil || b == nil || !a.same(b):
		return "the replicas do not come to serve one key pair"
	case !c.accepts(a) || !holdsCA(c.bundle, a.issuer):
		return "the replicas do not come to serve a key pair that works"
	case busy:
		return "the replicas do not come to rest"
	}
	return ""
}

// settled is a world in which both replicas serve a key pair of tick 0, which
// has just become due.
func settled() *world {
	w := &world{trusted: map[string]int{}, secret: secretView{current: modelKeyPair(0, 0)}}
	w.setBundle([]*x509.Certificate{w.secret.current.issuer})
	for i := range w.replicas {
		w.lookAtSecret(i)
		w.lookAtBundle(i)
		w.act(i)
	}
	w.tick = 4
	return w
}

// misled is a settled world with what an API server that is three lifetimes ahead has left
// behind: a next that is not valid yet, whose CA has been published for long.
func misled() *world {
	w := settled()
	w.tick = 2
	w.secret.next = modelKeyPair(w.tick+18, 1)
	w.setSecret(w.secret)
	w.setBundle([]*x509.Certificate{w.secret.current.issuer, w.secret.next.issuer})
	for i := range w.replicas {
		w.lookAtSecret(i)
		w.lookAtBundle(i)
	}
	w.tick++
	return w
}

// settleEvery is which share of the states is also followed to where it ends.
const settleEvery = 100

// TestModel visits every state that can be reached. From a sample of them, one in
// settleEvery, it also follows where the replicas end when nothing more goes wrong.
func TestModel(t *testing.T) {
	clockErrors := []int{0, -6, 6, 100}
	empty := func() *world {
		return &world{trusted: map[string]int{}, secret: secretView{currentProblem: "there is no Secret"}}
	}
	for name, tt := range map[string]struct {
		world                                               *world
		crashes, interventions, oddities, clocks, lies, end int
		clockErrors                                         []int
		mute                                                bool
	}{
		"two start at once":            {world: empty(), end: 4},
		"a crash at the start":         {world: empty(), crashes: 1, end: 2},
		"an intervention at the start": {world: empty(), interventions: 1, end: 2},
		"a rotation":                   {world: settled(), end: 8},
		"two crashes while rotating":   {world: settled(), crashes: 2, end: 7},
		"two interventions":            {world: settled(), interventions: 2, end: 5},
		"a crash and an intervention":  {world: settled(), crashes: 1, interventions: 1, end: 6},
		// By a clock that is 6 ticks ahead what works has expired, and what it makes is not
		// valid yet. By a clock that is 6 ticks behind, what works is not valid yet.
		"a clock is set at the start":   {world: empty(), clocks: 1, clockErrors: clockErrors, end: 3},
		"clocks are set while rotating": {world: settled(), clocks: 2, clockErrors: clockErrors, end: 6},
		"a clock is set, and a crash":   {world: settled(), clocks: 1, clockErrors: clockErrors, crashes: 1, end: 6},
		// Nothing tells the replica that its clock is wrong.
		"a clock is wrong, and corrected": {world: settled(), clocks: 1, clockErrors: []int{-6, 6}, mute: true, end: 5},
		"a key pair is not valid yet":     {world: settled(), oddities: 1, crashes: 1, end: 5},
		// API servers tell different times: one of them is one or three lifetimes ahead, or two
		// behind. A replica may reach any of them at any moment.
		"an API server is three lifetimes ahead": {world: settled(), lies: 1, clockErrors: []int{18}, end: 5},
		"an API server is two lifetimes behind":  {world: settled(), lies: 1, clockErrors: []int{-12}, end: 5},
		"an API server is ahead at the start":    {world: empty(), lies: 1, clockErrors: []int{18}, end: 1},
		"an API server is ahead again":           {world: misled(), lies: 1, clockErrors: []int{18}, end: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := tt.world
			start.crashes, start.interventions, start.oddities, start.end = tt.crashes, tt.interventions, tt.oddities, tt.end
			start.clocks, start.lies, start.clockErrors, start.mute = tt.clocks, tt.lies, tt.clockErrors, tt.mute
			start.untouched = true
			seen := map[string]bool{}
			queue := []*world{start}
			for len(queue) > 0 {
				w := queue[len(queue)-1]
				queue = queue[:len(queue)-1]
				for _, after := range w.next(t) {
					key := after.key()
					if seen[key] {
						continue
					}
					seen[key] = true
					queue = append(queue, after)
					if len(seen)%settleEvery == 0 {
						if broken := after.settle(); broken != "" {
							t.Fatalf("tick %d: %s: %s", after.tick, broken, key)
						}
					}
				}
			}
			t.Logf("%d states", len(seen))
		})
	}
}
