// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Readiness comes and goes with the certificate's validity and with the caBundles, and
// the log says so once each time.
func TestManagedReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		refusing := &refusingAPI{memoryAPI: api}
		r := startReplica(t, refusing)
		after(time.Minute)
		r.mustBeReady(t)
		refusing.change(func() { refusing.refuses = true })
		after(testLifetime)
		if err := r.Ready(time.Now()); err == nil || !strings.HasPrefix(err.Error(), "serving certificate expired at ") {
			t.Errorf("Ready = %v, want that it has expired", err)
		}
		if n := r.lines("certificates: not ready"); n != 1 {
			t.Errorf("%d lines say that it is not ready, want 1:\n%s", n, r.log.String())
		}
		refusing.change(func() { refusing.refuses = false })
		after(2 * maxPause)
		r.mustBeReady(t)
		if n := r.lines("certificates: ready"); n != 1 {
			t.Errorf("%d lines say that it is ready again, want 1", n)
		}
		if n := r.value(t, "caseharden_certificate_rotations_total", ""); n != 1 {
			t.Errorf("%v rotations, want 1: the first certificate is none", n)
		}
	})
}

// Somebody who undoes what we write makes no flood of writes and of lines.
func TestManagedAgainstAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		r := startReplica(t, api)
		after(time.Minute)
		writes, lines := api.countWrites(), r.lines("")
		for range 3600 {
			api.change(func() {
				c := api.configuration.DeepCopy()
				c.Webhooks[0].ClientConfig.CABundle = nil
				api.setConfiguration(c)
			})
			after(time.Second)
		}
		if n := api.countWrites() - writes; n > 3600/5+2*writeBurst {
			t.Errorf("%d writes in an hour", n)
		}
		if n := r.lines("") - lines; n > 4*3600/5+100 {
			t.Errorf("%d lines in an hour:\n%s", n, r.log.String())
		}
		if n := r.value(t, "caseharden_certificate_errors_total", "publish"); n == 0 {
			t.Error("that somebody undoes it is not counted")
		}
	})
}

// Replicas that want certificates for other hosts, as while a Service is renamed, do not
// fill the caBundles.
func TestManagedContention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		a := startReplicaFor(t, api, "old.caseharden.svc")
		b := startReplicaFor(t, api, "new.caseharden.svc")
		after(time.Minute / 2)
		for range 60 {
			after(time.Minute)
			if cas, _ := api.bundle(); len(cas) > maxCAs {
				t.Fatalf("caBundle has %d CAs", len(cas))
			}
			a.mustBeReady(t)
			b.mustBeReady(t)
		}
		if a.lines("may be replacing each other")+b.lines("may be replacing each other") == 0 {
			t.Error("nobody says so")
		}
		a.stop()
		after(3 * testLifetime)
		if c, _ := b.GetCertificate(nil); c.Leaf.VerifyHostname("new.caseharden.svc") != nil {
			t.Error("the one that is left does not get its certificate")
		}
	})
}

// A CA of somebody else, with whose certificate other replicas may serve still, stays
// in caBundle, and takes the propagation time to be superseded.
func TestManagedAfterAnotherIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		other := issueForeign(t)
		api.change(func() {
			c := api.configuration.DeepCopy()
			c.Webhooks[0].ClientConfig.CABundle = other
			api.setConfiguration(c)
		})
		r := startReplica(t, api)
		after(testPropagation / 2)
		wantBundle(t, api, 2)
		if err := r.Ready(time.Now()); err == nil || !strings.Contains(err.Error(), "a certificate of another CA there may work") {
			t.Errorf("Ready = %v, want the reason", err)
		}
		after(testPropagation)
		r.mustBeReady(t)
		wantBundle(t, api, 2)
	})
}
