// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rotation, in short: a next key pair is put into the Secret, its CA into every
// caBundle, and once API servers have had the time to see it there, next becomes
// current, which all replicas serve. There is no other way for a certificate to
// change, be it the first or one that is lost.
//
// The invariant is trust before use: no replica serves a key pair in place of one
// that works before its CA has been in every caBundle for the propagation time, and
// no CA leaves a caBundle before it has expired, and some time more. Every replica may
// take every step, at any moment and by an outdated view: writes carry the
// resourceVersion of what they rest on, so that of two the second is refused; and no
// step undoes another.
//
// The clock that counts is the API server's, since the API server judges certificates.
// The clock of a replica may be wrong, or be set at any moment. A replica therefore asks
// the API server for the time, and for the configuration, before it takes a step.

// A view is what one replica knows: of the Secret and of the webhook configuration,
// not always the latest of either, and of itself.
type view struct {
	secret        secretView
	configuration configurationView
	serving       *keyPair // nil: nothing yet

	// trustedSince says since when this replica has seen a CA in every caBundle,
	// without a break, and own what time it is. Both are by the replica's own clock,
	// which is good enough to tell how long something has been so.
	trustedSince map[string]time.Time // by id of the CA
	own          time.Time
}

type secretView struct {
	current, next *keyPair // nil where there is none, or none that is whole

	// currentProblem says why current is nil.
	currentProblem string

	// foreign is the issuer of a certificate that is there and not ours: then nothing is
	// written, so that nobody loses a key.
	foreign string

	helmRecord bool // Helm takes the Secret for a record of a release
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

// trusts reports whether every webhook has the CA of the key pair.
func (v configurationView) trusts(k *keyPair) bool { return holdsCA(v.trusted, k.issuer) }

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

// An action is one step, or nothing, with what it takes.
type action struct {
	do     step
	why    string
	bundle []*x509.Certificate // to publish
}

// changes reports whether the action changes anything.
func (a action) changes() bool { return a.do != nothing && a.do != stepRefuse }

// plan returns what to do next, by the API server's clock. The first case that holds wins.
//
//	the Secret is somebody else's, we serve, and a
//	  caBundle lacks a CA                                    publish
//	the Secret is somebody else's                            refuse
//	current is unusable, but what is served works            restore what is served
//	there is no next, and current is unusable                generate
//	there is no next, and current is due                     generate, unless replicas contend
//	a caBundle lacks a CA, or has something else             publish
//	next has been trusted for long enough                    promote
//	current is unusable, and only next can work              promote
//	current is not what is served, and is trusted for long
//	  enough, or nothing that is served works                serve
//	the Secret is a record of Helm                           clean
//	there is no caBundle to publish in                       nothing
//	current is unusable                                      nothing, until next is trusted
//	current is not what is served                            nothing, until current is trusted
//	current does not suit, and replicas contend              refuse
//	otherwise                                                nothing
//
// A next that is unusable or old is none. A next that does not suit this replica may suit
// another, which has the newer options: it is promoted before any replica makes one more.
func (v *view) plan(now time.Time, o ManagedOptions) action {
	current, next := v.secret.current, v.secret.next
	unusable := v.unusable(current, now, o, v.secret.currentProblem)
	works := v.serving.problem(now, "") == ""
	if v.unusable(next, now, o, "") != "" || next.old(now) {
		next = nil
	}
	due, contended := "", false
	if unusable == "" {
		due = current.due(now, o)
		contended = due != "" && !current.old(now) && v.contended(now)
	}
	bundle := v.wanted(now, o)
	untrusted := fmt.Sprintf("its CA has not been in every caBundle for %s yet", o.Propagation)
	switch {
	case v.secret.foreign != "" && v.serving != nil && !v.isPublished(bundle):
		return action{do: stepPublish, why: v.publishReason(), bundle: bundle}
	case v.secret.foreign != "":
		return action{do: stepRefuse, why: unusable}
	case unusable != "" && works:
		return action{do: stepRestore, why: unusable}
	case next == nil && unusable != "":
		return action{do: stepGenerate, why: unusable}
	case next == nil && due != "" && !contended:
		return action{do: stepGenerate, why: due}
	case !v.isPublished(bundle):
		return action{do: stepPublish, why: v.publishReason(), bundle: bundle}
	case next != nil && v.longTrusted(next, o):
		return action{do: stepPromote, why: "its CA has been in every caBundle for long enough"}
	case next != nil && unusable != "" && v.nobodyElseWorks(next, now):
		return action{do: stepPromote, why: "no other certificate can be trusted"}
	case unusable == "" && !current.same(v.serving) && v.configuration.trusts(current) && (!works || v.longTrusted(current, o)):
		return action{do: stepServe}
	case v.secret.helmRecord:
		return action{do: stepClean, why: "the Secret has the label owner=helm, by which Helm finds records of releases"}
	case len(v.configuration.bundles) == 0:
		return action{do: nothing, why: v.configuration.absence()}
	case unusable != "":
		return action{do: nothing, why: untrusted + ", and a certificate of another CA there may work"}
	case !current.same(v.serving):
		return action{do: nothing, why: untrusted}
	case next == nil && contended:
		return action{do: stepRefuse, why: fmt.Sprintf("%s, and %d CAs of Caseharden are valid already: replicas with different options may be replacing each other's certificates", due, maxCAs)}
	default:
		return action{do: nothing}
	}
}

// unusable returns why a key pair of the Secret must not become or stay current; "" if
// it may. A key pair that is nil is unusable, for the reason why.
//
//	an API server does not accept it now                         it has expired, or is not valid yet
//	it outlives what we make, and nothing shows that it works    somebody else may have made it
//	otherwise                                                    ""
//
// That it works is shown where it is served, or where its CA is in every caBundle: a
// replica with a longer lifetime may have made it, and others may serve it.
func (v *view) unusable(k *keyPair, now time.Time, o ManagedOptions, why string) string {
	if problem := k.problem(now, why); problem != "" {
		return problem
	}
	if k.outlives(now, o) && !k.same(v.serving) && !v.configuration.trusts(k) {
		return "it lives longer than a certificate is to live, and its CA is not in every caBundle"
	}
	return ""
}

// maxCAs is how many CAs of ours may be valid before no further certificate is made only
// because current does not suit a replica. A rotation takes two, and one that was just
// lost a third.
const maxCAs = 8

// contended reports whether replicas seem to replace each other's certificates again and
// again. The CAs of others do not count, and a certificate that is old or unusable is
// replaced whatever there is: no CA in a caBundle, whoever put it there, stops rotation.
func (v *view) contended(now time.Time) bool {
	var all []*x509.Certificate
	for _, known := range v.configuration.known {
		all = append(all, known...)
	}
	ours := slices.DeleteFunc(valid(all, now), func(ca *x509.Certificate) bool {
		return !strings.HasPrefix(ca.Subject.CommonName, caNamePrefix)
	})
	return len(sortedCAs(ours)) >= maxCAs
}

// longTrusted reports whether the CA has been in every caBundle for the propagation
// time, as far as this replica has seen itself: after a restart it waits again.
func (v *view) longTrusted(k *keyPair, o ManagedOptions) bool {
	since, found := v.trustedSince[k.id()]
	return found && v.own.Sub(since) >= o.Propagation
}

// nobodyElseWorks reports whether no replica can have a certificate that an API server
// accepts, except this one: then there is nothing to lose, and nothing to wait for.
func (v *view) nobodyElseWorks(next *keyPair, now time.Time) bool {
	if !v.configuration.trusts(next) {
		return false
	}
	for _, known := range v.configuration.known {
		if len(valid(known, now)) != 1 {
			return false
		}
	}
	return true
}

// wanted returns the CAs that have to be in every caBundle: of what is in the Secret and
// usable, of what this replica serves, and those that are in a caBundle already, because
// another replica may still serve with them. They leave one lifetime after they have
// expired: an expired CA does no harm, and a CA that only seems to have expired, by a
// clock that is wrong, may be the one that works.
func (v *view) wanted(now time.Time, o ManagedOptions) []*x509.Certificate {
	var all []*x509.Certificate
	for _, k := range []*keyPair{v.secret.current, v.secret.next} {
		if v.unusable(k, now, o, "") == "" {
			all = append(all, k.issuer)
		}
	}
	if v.serving != nil {
		all = append(all, v.serving.issuer)
	}
	for _, known := range v.configuration.known {
		all = append(all, known...)
	}
	return sortedCAs(alive(all, now, o.Lifetime))
}

func (v *view) isPublished(bundle []*x509.Certificate) bool {
	text := marshalCAs(bundle)
	return !slices.ContainsFunc(v.configuration.bundles, func(b []byte) bool { return !bytes.Equal(b, text) })
}

// absence returns why there is no caBundle to publish in.
func (v configurationView) absence() string {
	if !v.exists {
		return "there is no webhook configuration"
	}
	return "the webhook configuration has no webhook"
}

// publishReason returns why a caBundle is to be written, for the log.
func (v *view) publishReason() string {
	if v.serving != nil && !v.configuration.trusts(v.serving) {
		return "the CA of the serving certificate was missing"
	}
	return "the CAs have changed"
}
