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

// A rotation has three steps. A replica writes the next key pair into the Secret. It writes
// the CA of next into every caBundle. Once API servers have had the time to see the CA
// there, next becomes current, and all replicas serve it. The first certificate and the
// replacement of a lost one take the same steps.
//
// The invariant is trust before use. No replica serves a key pair in place of one that
// works before its CA has been in every caBundle for the propagation time. No CA leaves a
// caBundle before one lifetime after it has expired. Every replica may take every step, at
// any moment and with an outdated view: a write has the resourceVersion of the object that
// was read, so that the API server refuses the second of two. No step undoes another.
//
// The API server's clock decides, since the API server judges certificates. The clock of a
// replica may be wrong, or be set at any moment. A replica therefore asks the API server
// for the time, and for the configuration, before it takes a step.
//
// One of several API servers may also have a wrong clock. Nothing that works is given up
// because of one clock: a CA leaves a caBundle only when both clocks agree that it has
// expired, and nothing is served earlier than after the propagation time unless both clocks
// agree that nothing else works. That time starts again when the clocks differ by another
// amount.

// A view is what one replica knows about the Secret, the webhook configuration and itself.
// It may be outdated.
type view struct {
	secret        secretView
	configuration configurationView
	serving       *keyPair // nil for none yet

	// own is the time by the replica's own clock. ahead is how far the API server's clock is
	// ahead of it.
	own   time.Time
	ahead time.Duration

	// trustedSince is since when this replica has seen a CA in every caBundle without a
	// break, and without a change of ahead, by the id of the CA. It is by the replica's own
	// clock, which is good enough for a duration.
	trustedSince map[string]time.Time
}

type secretView struct {
	current, next *keyPair // nil for none, or none that is whole

	currentProblem string // why current is nil

	// foreign is the issuer of a certificate in the Secret that is not ours. Such a Secret
	// is never written, so that nobody loses a key.
	foreign string

	helmRecord bool // Helm takes the Secret for a record of a release
}

type configurationView struct {
	exists  bool
	bundles [][]byte              // the caBundle of each webhook
	trusted []*x509.Certificate   // the CAs that are in every caBundle
	known   [][]*x509.Certificate // the CAs in each caBundle
}

// newConfigurationView returns the view of a configuration with these caBundles.
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

// observe sets the configuration, and since when its CAs are in every caBundle. If a change
// may have been missed, a CA may have been removed and added again: it counts as new.
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

// setClocks sets the time by both clocks. If their difference has changed, one of the clocks
// was set, or API servers tell different times: all CAs count as new.
func (v *view) setClocks(own time.Time, ahead time.Duration) {
	if (ahead - v.ahead).Abs() > clockTolerance {
		since := map[string]time.Time{}
		for ca := range v.trustedSince {
			since[ca] = own
		}
		v.trustedSince = since
	}
	v.own, v.ahead = own, ahead
}

// now returns the time by the API server's clock.
func (v *view) now() time.Time { return v.own.Add(v.ahead) }

// mayBeValid reports whether the certificate is valid by one of the two clocks.
func (v *view) mayBeValid(certificate *x509.Certificate) bool {
	return validAt("", certificate, v.now()) == nil || validAt("", certificate, v.own) == nil
}

// An action is a step, or nothing, with what the step needs.
type action struct {
	do     step
	why    string              // for the log
	bundle []*x509.Certificate // to publish
}

// changes reports whether the action changes anything.
func (a action) changes() bool { return a.do != nothing && a.do != stepRefuse }

// plan returns what to do next, by the API server's clock. The first case that holds wins.
//
//	the Secret is foreign, we serve, and a caBundle lacks
//	  a CA                                                   publish
//	the Secret is foreign                                    refuse
//	current is unusable, but what is served works            restore what is served
//	there is no next, and current is unusable                generate
//	there is no next, and current is due                     generate, unless replicas contend
//	a caBundle lacks a CA, or has something else             publish
//	next has been trusted for long enough                    promote
//	current is unusable, and only next can work,
//	  by either clock                                        promote
//	current is not what is served, and is trusted for long
//	  enough, or what is served works by neither clock       serve
//	the Secret is a record of Helm                           clean
//	there is no caBundle to publish in                       nothing
//	current is unusable                                      nothing, until next is trusted
//	current is not what is served                            nothing, until current is trusted
//	current is for other hosts, and replicas contend         refuse
//	otherwise                                                nothing
//
// A next that is unusable or old is none. A next that does not suit this replica may suit
// another, which has the newer options: it is promoted before any replica makes one more.
func (v *view) plan(o ManagedOptions) action {
	now := v.now()
	current, next := v.secret.current, v.secret.next
	unusable := v.unusable(current, now, o, v.secret.currentProblem)
	works := v.serving.problem(now, "") == ""
	mayWork := v.serving != nil && v.mayBeValid(v.serving.leaf) && v.mayBeValid(v.serving.issuer)
	if v.unusable(next, now, o, "") != "" || next.old(now) {
		next = nil
	}
	due, contended := "", false
	if unusable == "" {
		due = current.due(now, o)
		contended = due != "" && !current.old(now) && !current.outlives(now, o) && v.contended(now)
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
	case next != nil && unusable != "" && v.onlyNextCanWork(next):
		return action{do: stepPromote, why: "no other certificate can be trusted"}
	case unusable == "" && !current.same(v.serving) && v.configuration.trusts(current) && (!mayWork || v.longTrusted(current, o)):
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
//	it outlives what we make, and nothing shows that it works    another program may have made it
//	otherwise                                                    ""
//
// It works if this replica serves it, or if its CA is in every caBundle: a replica with a
// longer lifetime may have made it, and others may serve it.
func (v *view) unusable(k *keyPair, now time.Time, o ManagedOptions, why string) string {
	if problem := k.problem(now, why); problem != "" {
		return problem
	}
	if k.outlives(now, o) && !k.same(v.serving) && !v.configuration.trusts(k) {
		return "it lives longer than the configured lifetime, and its CA is not in every caBundle"
	}
	return ""
}

// maxCAs is how many of our CAs may be valid before a replica no longer replaces a
// certificate only because it is not for one of the hosts. A rotation needs two, and a key
// pair that was just lost is a third.
const maxCAs = 8

// contended reports whether replicas seem to replace each other's certificates again and
// again. The CAs of others do not count. A certificate that is old, unusable or outlives what
// we make is always replaced, whatever is in a caBundle.
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

// longTrusted reports whether this replica has seen the CA in every caBundle for the
// propagation time. After a restart, and after a change of a clock, it waits again.
func (v *view) longTrusted(k *keyPair, o ManagedOptions) bool {
	since, found := v.trustedSince[k.id()]
	return found && v.own.Sub(since) >= o.Propagation
}

// onlyNextCanWork reports whether API servers can accept no certificate but that of next, by
// either clock. Then no replica can serve one that works, and there is nothing to wait for.
func (v *view) onlyNextCanWork(next *keyPair) bool {
	if !v.configuration.trusts(next) {
		return false
	}
	for _, known := range v.configuration.known {
		if slices.ContainsFunc(known, func(ca *x509.Certificate) bool { return id(ca) != next.id() && v.mayBeValid(ca) }) {
			return false
		}
	}
	return true
}

// wanted returns the CAs that must be in every caBundle: those of the usable key pairs in
// the Secret, that of the key pair being served, and those that are in a caBundle already,
// because another replica may still serve with them. A CA leaves one lifetime after it has
// expired by both clocks. An expired CA does no harm, and a CA that has expired by a wrong
// clock may be the one that works.
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
	earlier := now
	if v.own.Before(now) {
		earlier = v.own
	}
	return sortedCAs(alive(all, earlier, o.Lifetime))
}

// isPublished reports whether every caBundle is the one of these CAs.
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

// publishReason returns why the caBundles are written, for the log.
func (v *view) publishReason() string {
	if v.serving != nil && !v.configuration.trusts(v.serving) {
		return "the CA of the serving certificate was missing"
	}
	return "the CAs have changed"
}
