// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A world is a state of everything.
type world struct {
	tick                   int
	secret                 secretView
	secretVersion          int
	bundle                 []*x509.Certificate
	bundleVersion          int
	trusted                map[string]int // by CA: the tick since when it is in the bundle
	first                  string         // the CA that was published when there was no other: nobody could work before
	replicas               [2]replica
	crashes, interventions int   // that may still come
	oddities               int   // key pairs that are not valid yet, which may still be put into the Secret
	clocks                 int   // that may still be set
	lies                   int   // wrong times that API servers may still begin to tell
	clockErrors            []int // how many ticks ahead a clock may be
	mute                   bool  // the API server does not tell the time
	end                    int   // the last tick
	untouched              bool  // by interventions, so far
}

type replica struct {
	view                   view
	sawSecret, sawBundle   bool
	secretSeen, bundleSeen int // versions

	// How many ticks ahead of the time something is.
	own       int // its own clock
	lie       int // the clock of the API server that it reaches
	told      int // the API server's clock, as the replica takes it to be
	toldSince int // the tick since when all answers agree
}

// ask asks the API server for the time.
func (r *replica) ask(w *world) {
	before := r.told - r.own
	if w.mute {
		r.told = r.own
	} else {
		r.told = r.lie
	}
	if r.told-r.own != before {
		r.toldSince = w.tick
	}
	r.setClocks(w)
}

// setClocks lets its view know the time by both clocks.
func (r *replica) setClocks(w *world) {
	r.view.setClocks(at(w.tick+r.own), time.Duration(r.told-r.own)*modelTick)
}

// setClock sets its own clock. It does not know. Durations stay what they are.
func (r *replica) setClock(own int) {
	moved := own - r.own
	r.own, r.told = own, r.told+moved
	since := map[string]time.Time{}
	for ca, t := range r.view.trustedSince {
		since[ca] = t.Add(time.Duration(moved) * modelTick)
	}
	r.view.trustedSince = since
}

// isMisled reports whether a replica can only go by a wrong time: nothing tells it another,
// or all answers have told it this one for the propagation time.
func (w *world) isMisled(r *replica) bool {
	return r.told != 0 && (w.mute || r.toldSince+1 <= w.tick)
}

// key is the same for worlds in which the same can happen.
func (w *world) key() string {
	var b strings.Builder
	name := func(c *keyPair) {
		if c == nil {
			b.WriteByte('-')
			return
		}
		b.Write(c.issuer.Raw)
	}
	names := func(cas []*x509.Certificate) {
		for _, ca := range cas {
			b.Write(ca.Raw)
		}
	}
	times := func(ticks map[string]int) {
		for _, ca := range slices.Sorted(maps.Keys(ticks)) {
			// Longer than the propagation time is long enough.
			fmt.Fprintf(&b, "%s%d", ca, max(ticks[ca], w.tick-1)-w.tick)
		}
	}
	fmt.Fprintf(&b, "%d %d %d %d %d %d|", w.tick, w.crashes, w.interventions, w.oddities, w.clocks, w.lies)
	name(w.secret.current)
	name(w.secret.next)
	names(w.bundle)
	times(w.trusted)
	for i := range w.replicas {
		r := &w.replicas[i]
		fmt.Fprintf(&b, "|%d %d %d %d%t%t%t%t", r.own, r.lie, r.told, max(r.toldSince, w.tick-1)-w.tick, r.sawSecret, r.sawBundle, r.secretSeen == w.secretVersion, r.bundleSeen == w.bundleVersion)
		name(r.view.secret.current)
		name(r.view.secret.next)
		name(r.view.serving)
		names(r.view.configuration.trusted)
		since := map[string]int{}
		for ca, t := range r.view.trustedSince {
			since[ca] = int(t.Sub(modelStart)/modelTick) - r.own
		}
		times(since)
	}
	return b.String()
}

func (w *world) clone() *world {
	c := *w
	c.trusted = maps.Clone(w.trusted)
	for i := range c.replicas {
		c.replicas[i].view.trustedSince = maps.Clone(w.replicas[i].view.trustedSince)
	}
	return &c
}

func (w *world) setSecret(s secretView) {
	w.secret, w.secretVersion = s, w.secretVersion+1
}

func (w *world) setBundle(bundle []*x509.Certificate) {
	trusted := map[string]int{}
	for _, ca := range bundle {
		trusted[id(ca)] = w.tick
		if since, found := w.trusted[id(ca)]; found {
			trusted[id(ca)] = since
		}
	}
	w.bundle, w.trusted, w.bundleVersion = bundle, trusted, w.bundleVersion+1
}

func (w *world) lookAtSecret(i int) {
	r := &w.replicas[i]
	r.view.secret, r.secretSeen, r.sawSecret = w.secret, w.secretVersion, true
}

func (w *world) lookAtBundle(i int) {
	r := &w.replicas[i]
	seen := configurationView{exists: true, bundles: [][]byte{marshalCAs(w.bundle)}, trusted: w.bundle, known: [][]*x509.Certificate{w.bundle}}
	r.view.observe(at(w.tick+r.own), seen, r.bundleSeen+1 < w.bundleVersion)
	r.bundleSeen, r.sawBundle = w.bundleVersion, true
}

// act takes the step that the plan of a replica says. It returns what it has broken.
func (w *world) act(i int) (did step, broken string) {
	r := &w.replicas[i]
	v := &r.view
	r.setClocks(w)
	a := v.plan(modelOptions)
	if !a.changes() {
		return a.do, ""
	}
	// Before a step it asks the API server for the configuration, and so for the time.
	if r.bundleSeen != w.bundleVersion {
		return nothing, ""
	}
	r.ask(w)
	planned := a.do
	if a = v.plan(modelOptions); a.do != planned {
		return planned, "" // at least it knows the time now
	}
	fresh := r.secretSeen == w.secretVersion
	switch {
	case a.do == stepServe:
		broken = w.mayServe(i, v.secret.current)
		v.serving = v.secret.current
	case a.do == stepPublish:
		for _, ca := range w.bundle {
			if !at(w.tick).After(ca.NotAfter) && !holdsCA(a.bundle, ca) {
				broken = fmt.Sprintf("CA %s leaves the bundle before it has expired", ca.Raw)
			}
		}
		if len(valid(w.bundle, at(w.tick))) == 0 && len(a.bundle) == 1 {
			w.first = id(a.bundle[0])
		}
		w.setBundle(a.bundle)
	case a.do == stepGenerate && fresh:
		w.setSecret(secretView{current: v.secret.current, next: modelKeyPair(w.tick+r.told, i)})
	case a.do == stepRestore && fresh:
		w.setSecret(secretView{current: v.serving, next: v.secret.next})
	case a.do == stepPromote && fresh:
		w.setSecret(secretView{current: v.secret.next})
	}
	return a.do, broken
}

// mayServe says what is wrong with a replica serving a key pair from now on. It
// takes requests from a replica that works: itself or, when it starts, the other. One
// that starts cannot know of a foreign key pair in the Secret that it is. One that is
// misled can serve what does not work, until it knows the time.
func (w *world) mayServe(i int, after *keyPair) string {
	before := w.replicas[i].view.serving
	if foreign := strings.HasSuffix(after.id(), "c"); before == nil && !foreign {
		before = w.replicas[1-i].view.serving
	}
	_, trusted := w.trusted[after.id()]
	works := before != nil && w.accepts(before) && w.longTrusted(before)
	switch {
	case w.isMisled(&w.replicas[i]):
	case works && !w.accepts(after):
		return fmt.Sprintf("%s, which does not work, is served in place of %s", after.id(), before.id())
	case works && !w.longTrusted(after) && w.first != after.id():
		return fmt.Sprintf("%s is served in place of %s before it could be trusted everywhere", after.id(), before.id())
	case !trusted && w.untouched:
		return fmt.Sprintf("%s is served and not trusted", after.id())
	}
	return ""
}

// accepts reports whether an API server that trusts the CA accepts the certificate.
func (w *world) accepts(c *keyPair) bool {
	return !at(w.tick).Before(c.leaf.NotBefore) && !at(w.tick).After(c.leaf.NotAfter)
}

// longTrusted reports whether every API server has had the time to see the CA.
func (w *world) longTrusted(c *keyPair) bool {
	since, found := w.trusted[c.id()]
	return found && since+1 <= w.tick
}
