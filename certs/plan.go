// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Rotation, in short: a next generation is put into the Secret, its CA into every
// caBundle, and once API servers have had the time to see it there, next becomes
// current, which all replicas serve. There is no other way for a certificate to
// change, be it the first or one that is lost.
//
// The invariant is trust before use: no replica serves a generation in place of one
// that works before its CA has been in every caBundle for the propagation time, and
// no CA leaves a caBundle before it has expired. Every replica may take every step, at
// any moment and by an outdated view: writes carry the resourceVersion of what they
// rest on, so that of two the second is refused; and no step undoes another.

// A view is what one replica knows: of the Secret and of the webhook configuration,
// not always the latest of either, and of itself.
type view struct {
	secret        secretView
	configuration configurationView
	serving       *candidate // nil: nothing yet

	// trustedSince says since when this replica has seen a CA in every caBundle,
	// without a break.
	trustedSince map[string]time.Time // by id of the CA
}

type secretView struct {
	current, next *candidate // nil where there is none, or none that is whole

	// currentProblem says why current is nil.
	currentProblem string

	// foreign is the issuer of a certificate that is there and not ours: then nothing is
	// written, so that nobody loses a key.
	foreign string
}

type configurationView struct {
	exists  bool
	bundles [][]byte              // the caBundle of each webhook
	trusted []*x509.Certificate   // the CAs that are in every one of them
	known   [][]*x509.Certificate // the CAs in each
}

// newConfigurationView reads the caBundles of a webhook configuration.
func newConfigurationView(bundles [][]byte) configurationView {
	v := configurationView{exists: true, bundles: bundles}
	for i, bundle := range bundles {
		cas := casIn(bundle)
		v.known = append(v.known, cas)
		if i == 0 {
			v.trusted = cas
			continue
		}
		v.trusted = slices.DeleteFunc(slices.Clone(v.trusted), func(ca *x509.Certificate) bool { return !holdsCA(cas, ca) })
	}
	return v
}

// trusts says whether every webhook has the CA of the candidate.
func (v configurationView) trusts(c *candidate) bool { return holdsCA(v.trusted, c.issuer) }

// observe notes when the CAs came that are in every caBundle now, and forgets those
// that are not. Where something may have been missed since the last time, a CA may have
// been away, and counts as one that has just come.
func (v *view) observe(now time.Time, configuration configurationView, missed bool) {
	since := map[string]time.Time{}
	for _, ca := range configuration.trusted {
		since[id(ca)] = now
		if earlier, found := v.trustedSince[id(ca)]; found && !missed {
			since[id(ca)] = earlier
		}
	}
	v.configuration, v.trustedSince = configuration, since
}

// A verb is what a replica can do towards a rotation.
type verb string

const (
	nothing  verb = "nothing"  // until something changes, or time has passed
	restore  verb = "restore"  // write what is being served into the Secret as current
	generate verb = "generate" // write a new generation into the Secret as next
	publish  verb = "publish"  // write the bundle into every webhook
	promote  verb = "promote"  // write next into the Secret as current
	serve    verb = "serve"    // serve current from now on
	clean    verb = "clean"    // remove from the Secret what makes it a record of Helm
	refuse   verb = "refuse"   // nothing, because somebody has to look at it
)

// An action is one verb with what it takes.
type action struct {
	do     verb
	why    string
	bundle []*x509.Certificate // to publish

	// confirm is true where the step rests on what every caBundle has held for some
	// time: it must not be taken if the configuration is another than was seen last, as
	// it may be after the process was suspended.
	confirm bool
}

// writes says whether the step writes an object.
func (a action) writes() bool {
	return slices.Contains([]verb{restore, generate, publish, promote, clean}, a.do)
}

// settings are those of every replica.
type settings struct {
	hosts       []string // that a certificate has to be for
	lifetime    time.Duration
	propagation time.Duration // how long a CA has to be in every caBundle before it is relied on
}

// plan says what is to be done next. The first case that holds wins.
//
//	the Secret is somebody else's                          publish what is served, else refuse
//	current cannot be used, but what is served can         restore it
//	current cannot be used, or is due, and there is
//	  no next, or none that can be used                    generate one, but refuse where
//	                                                       the caBundles have too many
//	there is no configuration, or no webhook in it         nothing
//	a caBundle lacks a CA, or has what is none             publish
//	next has been trusted for long enough                  promote it
//	current is valid and trusted, and is not what is
//	  served, which does not work, or current has
//	  been trusted for long enough                         serve current
//	otherwise                                              nothing
func (v *view) plan(now time.Time, s settings) action {
	current, next := v.secret.current, v.secret.next
	currentProblem := current.problem(now, v.secret.currentProblem)
	servingProblem := v.serving.problem(now, "nothing is served yet")
	// A next that does not suit this replica may suit another, which has the newer flags:
	// it is promoted before anybody makes one more.
	nextUsable := next.problem(now, "there is none") == "" && !next.old(now)

	if v.secret.foreign != "" {
		if bundle := v.wanted(now, s); v.configuration.exists && v.serving != nil && !v.isPublished(bundle) {
			return action{do: publish, why: v.publishReason(), bundle: bundle}
		}
		return action{do: refuse, why: currentProblem}
	}
	if currentProblem != "" && servingProblem == "" {
		return action{do: restore, why: currentProblem}
	}
	tooMany := false
	if !nextUsable {
		next = nil
		if currentProblem != "" {
			return action{do: generate, why: currentProblem}
		}
		due := current.due(now, s)
		tooMany = due != "" && len(v.wanted(now, s)) >= maxCAs
		if due != "" && !tooMany {
			return action{do: generate, why: due}
		}
	}
	if !v.configuration.exists {
		return action{do: nothing, why: "there is no webhook configuration"}
	}
	if len(v.configuration.bundles) == 0 {
		return action{do: nothing, why: "the webhook configuration has no webhook"}
	}
	if bundle := v.wanted(now, s); !v.isPublished(bundle) {
		return action{do: publish, why: v.publishReason(), bundle: bundle}
	}
	switch {
	case next == nil:
	case v.longTrusted(next, now, s):
		return action{do: promote, why: "its CA has been in every caBundle for long enough", confirm: true}
	case currentProblem != "" && v.nobodyElseWorks(next, now):
		return action{do: promote, why: "no other certificate can be trusted", confirm: true}
	}
	switch {
	case currentProblem != "":
		return action{do: nothing, why: "its CA has not been in every caBundle for " + s.propagation.String() + " yet, and a certificate of another CA there may work"}
	case tooMany:
		return action{do: refuse, why: fmt.Sprintf("no further certificate is made while %d CAs are valid: replicas with different flags seem to contend", maxCAs)}
	case current.same(v.serving):
		return action{do: nothing}
	case now.Before(current.leaf.NotBefore):
		return action{do: nothing, why: validAt(current.leaf, now).Error()}
	}
	works := servingProblem == "" // and trusted: otherwise there would be something to publish
	if v.configuration.trusts(current) && (!works || v.longTrusted(current, now, s)) {
		return action{do: serve, confirm: works}
	}
	return action{do: nothing, why: "its CA has not been in every caBundle for " + s.propagation.String() + " yet"}
}

// maxCAs is how many CAs a caBundle may hold before no more certificates are made to
// replace one that works. A rotation takes two, and one that was just lost a third.
const maxCAs = 8

// longTrusted says whether the CA has been in every caBundle for the propagation
// time, as far as this replica has seen itself: after a restart it waits anew.
func (v *view) longTrusted(c *candidate, now time.Time, s settings) bool {
	since, found := v.trustedSince[c.id()]
	return found && now.Sub(since) >= s.propagation
}

// nobodyElseWorks says whether no replica can have a certificate that an API server
// trusts, but for this one: then there is nothing to lose, and nothing to wait for.
func (v *view) nobodyElseWorks(next *candidate, now time.Time) bool {
	if !v.configuration.trusts(next) {
		return false
	}
	for _, known := range v.configuration.known {
		if others := alive(known, now, 0); len(others) != 1 {
			return false
		}
	}
	return true
}

// wanted returns the CAs that have to be in every caBundle: of what is in the Secret,
// of what this replica serves, and those that are in a caBundle already, because
// another replica may still serve with them. They go when they have expired.
func (v *view) wanted(now time.Time, s settings) []*x509.Certificate {
	var all []*x509.Certificate
	for _, c := range []*candidate{v.secret.current, v.secret.next, v.serving} {
		if c != nil {
			all = append(all, c.issuer)
		}
	}
	for _, known := range v.configuration.known {
		all = append(all, known...)
	}
	return sortedCAs(alive(all, now, s.propagation))
}

func (v *view) isPublished(bundle []*x509.Certificate) bool {
	text := marshalCAs(bundle)
	return !slices.ContainsFunc(v.configuration.bundles, func(b []byte) bool { return !bytes.Equal(b, text) })
}

// publishReason says why a caBundle is to be written, for the log.
func (v *view) publishReason() string {
	if v.serving != nil && !v.configuration.trusts(v.serving) {
		return "the CA of the serving certificate was missing"
	}
	return "the CAs have changed"
}
