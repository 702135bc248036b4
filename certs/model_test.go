// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// The model is the state machine of view.plan itself, for two replicas and an API
// server, in all orders in which they can do what they can do: look at the Secret, look
// at the configuration, take the step that the plan says, which the API server refuses
// if what it rests on has changed; and crash, and time passes. Somebody may delete the
// Secret, replace it by another, or wipe the caBundles in between.
//
// Time goes in ticks, of which one is the propagation time.
const (
	modelTick     = time.Minute
	modelLifetime = 6 * modelTick
)

var (
	modelStart    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	modelSettings = settings{lifetime: modelLifetime, propagation: modelTick}
)

func at(tick int) time.Time { return modelStart.Add(time.Duration(tick) * modelTick) }

// modelCandidate is a generation that was made in a tick. Of those that the two
// replicas make in one tick the writer tells them apart.
func modelCandidate(tick, writer int) *candidate {
	name := fmt.Sprintf("%d%c", tick, 'a'+writer)
	certificate := func(raw string) *x509.Certificate {
		return &x509.Certificate{Raw: []byte(raw), NotBefore: at(tick).Add(-backdate), NotAfter: at(tick).Add(modelLifetime)}
	}
	return &candidate{issuer: certificate(name), leaf: certificate("leaf " + name)}
}

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
	crashes, interventions int  // that may still come
	end                    int  // the last tick
	untouched              bool // by interventions, so far
}

type replica struct {
	view                   view
	sawSecret, sawBundle   bool
	secretSeen, bundleSeen int // versions
}

// key is the same for worlds in which the same can happen.
func (w *world) key() string {
	var b strings.Builder
	name := func(c *candidate) {
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
			// Longer than the propagation time is as good as for ever.
			fmt.Fprintf(&b, "%s%d", ca, max(ticks[ca], w.tick-1)-w.tick)
		}
	}
	fmt.Fprintf(&b, "%d %d %d|", w.tick, w.crashes, w.interventions)
	name(w.secret.current)
	name(w.secret.next)
	names(w.bundle)
	times(w.trusted)
	for i := range w.replicas {
		r := &w.replicas[i]
		fmt.Fprintf(&b, "|%t%t%t%t", r.sawSecret, r.sawBundle, r.secretSeen == w.secretVersion, r.bundleSeen == w.bundleVersion)
		name(r.view.secret.current)
		name(r.view.secret.next)
		name(r.view.serving)
		names(r.view.configuration.trusted)
		since := map[string]int{}
		for ca, t := range r.view.trustedSince {
			since[ca] = int(t.Sub(modelStart) / modelTick)
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
	r.view.observe(at(w.tick), seen, r.bundleSeen+1 < w.bundleVersion)
	r.bundleSeen, r.sawBundle = w.bundleVersion, true
}

// act takes the step that the plan of a replica says. It returns what it has broken.
func (w *world) act(i int) (did verb, broken string) {
	r := &w.replicas[i]
	v := &r.view
	a := v.plan(at(w.tick), modelSettings)
	fresh := r.secretSeen == w.secretVersion
	switch {
	case a.confirm && r.bundleSeen != w.bundleVersion:
	case a.do == serve:
		broken = w.mayServe(i, v.secret.current)
		v.serving = v.secret.current
	case a.do == publish && r.bundleSeen == w.bundleVersion:
		for _, ca := range alive(w.bundle, at(w.tick), 0) {
			if !holdsCA(a.bundle, ca) {
				broken = fmt.Sprintf("CA %s leaves the bundle before it has expired", ca.Raw)
			}
		}
		if len(alive(w.bundle, at(w.tick), 0)) == 0 && len(a.bundle) == 1 {
			w.first = id(a.bundle[0])
		}
		w.setBundle(a.bundle)
	case a.do == generate && fresh:
		w.setSecret(secretView{current: v.secret.current, next: modelCandidate(w.tick, i)})
	case a.do == restore && fresh:
		w.setSecret(secretView{current: v.serving, next: v.secret.next})
	case a.do == promote && fresh:
		w.setSecret(secretView{current: v.secret.next})
	}
	return a.do, broken
}

// mayServe says what is wrong with a replica serving a generation from now on. It
// takes requests from a replica that works: itself or, when it starts, the other. One
// that starts cannot know of a foreign generation in the Secret that it is.
func (w *world) mayServe(i int, after *candidate) string {
	before := w.replicas[i].view.serving
	if foreign := after.id()[1] == 'c'; before == nil && !foreign {
		before = w.replicas[1-i].view.serving
	}
	_, trusted := w.trusted[after.id()]
	works := before != nil && before.problem(at(w.tick), "") == "" && w.longTrusted(before)
	switch {
	case works && !w.longTrusted(after) && w.first != after.id():
		return fmt.Sprintf("%s is served in place of %s before it could be trusted everywhere", after.id(), before.id())
	case !trusted && w.untouched:
		return fmt.Sprintf("%s is served and not trusted", after.id())
	}
	return ""
}

// longTrusted says whether every API server has had the time to see the CA.
func (w *world) longTrusted(c *candidate) bool {
	since, found := w.trusted[c.id()]
	return found && since+1 <= w.tick
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
			add(func(c *world) { c.replicas[i] = replica{}; c.crashes-- })
		}
	}
	if w.interventions > 0 {
		add(func(c *world) { c.setSecret(secretView{currentProblem: "deleted"}); c.intervene() })
		add(func(c *world) { c.setBundle(nil); c.intervene() })
		add(func(c *world) {
			c.setSecret(secretView{current: modelCandidate(c.tick, 2)})
			c.intervene()
		})
	}
	if w.tick < w.end && !w.isStarting() {
		add(func(c *world) { c.tick++ })
	}
	return all
}

// isStarting says whether a replica that serves nothing yet has an outdated view: it has
// just read what there is, and a minute later it would know better. One that serves may
// have been suspended.
func (w *world) isStarting() bool {
	return slices.ContainsFunc(w.replicas[:], func(r replica) bool {
		outdated := r.sawSecret && r.secretSeen != w.secretVersion || r.sawBundle && r.bundleSeen != w.bundleVersion
		return r.view.serving == nil && outdated
	})
}

// settle lets both replicas do what they want, in turn and with what is there, for as
// many ticks as a rotation takes. Then both must serve one generation that works.
func (w *world) settle() string {
	c := w.clone()
	for range 5 {
		for range 30 {
			for i := range c.replicas {
				c.lookAtSecret(i)
				c.lookAtBundle(i)
				if _, broken := c.act(i); broken != "" {
					return broken
				}
			}
		}
		c.tick++
	}
	c.tick--
	a, b := c.replicas[0].view.serving, c.replicas[1].view.serving
	switch {
	case a == nil || b == nil || !a.same(b):
		return "the replicas do not come to serve one generation"
	case a.problem(at(c.tick), "") != "" || !holdsCA(c.bundle, a.issuer):
		return "the replicas do not come to serve a generation that works"
	}
	return ""
}

// settled is a world in which both replicas serve a generation of tick 0, which
// has just become due.
func settled() *world {
	w := &world{trusted: map[string]int{}, secret: secretView{current: modelCandidate(0, 0)}}
	w.setBundle([]*x509.Certificate{w.secret.current.issuer})
	for i := range w.replicas {
		w.lookAtSecret(i)
		w.lookAtBundle(i)
		w.act(i)
	}
	w.tick = 4
	return w
}

// TestModel looks at every state that can be reached, and, of some of them, at where
// it ends when nothing more goes wrong.
func TestModel(t *testing.T) {
	empty := func() *world {
		return &world{trusted: map[string]int{}, secret: secretView{currentProblem: "there is no Secret"}}
	}
	for name, tt := range map[string]struct {
		start                       func() *world
		crashes, interventions, end int
	}{
		"two start at once":            {empty, 0, 0, 4},
		"a crash at the start":         {empty, 1, 0, 2},
		"an intervention at the start": {empty, 0, 1, 2},
		"a rotation":                   {settled, 0, 0, 8},
		"two crashes while rotating":   {settled, 2, 0, 7},
		"two interventions":            {settled, 0, 2, 5},
		"a crash and an intervention":  {settled, 1, 1, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := tt.start()
			start.crashes, start.interventions, start.end = tt.crashes, tt.interventions, tt.end
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
					if len(seen)%500 == 0 {
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
