// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const year = 365 * 24 * time.Hour

// putKeyPair writes a key pair that was made at another time into the Secret, as
// current or as next. The caller holds the lock.
func (a *memoryAPI) putKeyPair(t *testing.T, keys secretKeys, made time.Time, lifetime time.Duration) {
	t.Helper()
	g, err := newKeyPair([]string{"caseharden.caseharden.svc", "127.0.0.1"}, made, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{Data: map[string][]byte{}}
	if a.secret != nil {
		secret = a.secret.DeepCopy()
	}
	keys.write(secret.Data, g)
	a.setSecret(secret)
}

// A key pair that is not valid yet, or lives too long, never takes the place of one that
// works. Its CA does not get into a caBundle, and rotation goes on.
func TestManagedReplacesWhatIsUnusable(t *testing.T) {
	for name, tt := range map[string]struct {
		keys     secretKeys
		made     time.Duration // from now
		lifetime time.Duration
	}{
		"current is not valid yet":              {currentKeys, year, testLifetime},
		"next is not valid yet":                 {nextKeys, year, testLifetime},
		"current is not valid for half an hour": {currentKeys, backdate + time.Hour/2, time.Minute},
		"current lives too long":                {currentKeys, 0, 100 * year},
		"next lives too long":                   {nextKeys, 0, 100 * year},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(1)
				r := startReplica(t, api)
				after(time.Minute)
				before := serial(t, r)
				api.change(func() { api.putKeyPair(t, tt.keys, time.Now().Add(tt.made), tt.lifetime) })
				after(time.Second)
				r.mustBeReady(t)
				if v := newSecretView(api.secret); v.current.leaf.SerialNumber.Text(16) != before {
					t.Error("what is served was not restored")
				}
				if tt.keys == currentKeys && r.lines(`"step":"restore"`) != 1 {
					t.Errorf("the log does not say so:\n%s", r.log.String())
				}
				// Four more rotations.
				for range 6 * 60 {
					after(time.Minute)
					r.mustBeReady(t)
				}
				if n := r.value(t, "caseharden_certificate_rotations_total", ""); n != 4 {
					t.Errorf("%v rotations, want 4", n)
				}
				for _, ca := range casIn(api.configuration.Webhooks[0].ClientConfig.CABundle) {
					if ca.NotAfter.After(time.Now().Add(testLifetime)) {
						t.Errorf("the CA until %s is published", ca.NotAfter)
					}
				}
			})
		})
	}
}

// Where there is nothing else, what is not valid yet is replaced at once.
func TestManagedStartsWithWhatIsUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		api.change(func() { api.putKeyPair(t, currentKeys, time.Now().Add(year), testLifetime) })
		r := startReplica(t, api)
		after(time.Second)
		r.mustBeReady(t)
		wantBundle(t, api, 1)
	})
}

// The lifetime is made shorter, one replica after the other or all at once: the replicas
// are ready all the time, and one rotation later certificates have the new lifetime.
func TestManagedLifetimeIsMadeShorter(t *testing.T) {
	const long = 100 * testLifetime
	for name, together := range map[string]bool{"one after the other": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(1)
				old := startReplicaWith(t, api, "caseharden.caseharden.svc", long)
				after(time.Minute)
				old.mustBeReady(t)
				if together {
					old.stop()
				}
				r := startReplica(t, api)
				after(time.Second)
				r.mustBeReady(t)
				for range 10 {
					after(testPropagation / 2)
					r.mustBeReady(t)
					old.mustBeReady(t)
				}
				if c, _ := r.GetCertificate(nil); c.Leaf.NotAfter.After(time.Now().Add(testLifetime)) {
					t.Errorf("the certificate lives until %s", c.Leaf.NotAfter)
				}
				wantBundle(t, api, 2)
			})
		})
	}
}

// The API server's clock is what counts: certificates are made and judged by it. That the
// clocks differ is said once.
func TestManagedGoesByTheAPIServersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		api.ahead = year
		r := startReplica(t, api)
		after(time.Hour)
		r.mustBeReady(t)
		c, _ := r.GetCertificate(nil)
		if err := validAt("", c.Leaf, time.Now().Add(year)); err != nil {
			t.Error(err)
		}
		if n := r.lines("the clock of this replica differs"); n != 1 || r.lines(`"apiServerAhead":"8760h0m0s"`) != 1 {
			t.Errorf("%d lines say that the clock is wrong:\n%s", n, r.log.String())
		}
		if n := r.value(t, "caseharden_certificate_errors_total", "clock"); n != 1 {
			t.Errorf("%v errors are counted, want 1", n)
		}
		if age := float64(time.Now().Add(year).Unix()) - r.value(t, "caseharden_certificate_last_reconcile_timestamp_seconds", ""); age > 2 {
			t.Errorf("the last reconcile was %v s ago", age)
		}
		// Now it is the API server's clock that was wrong, and is set.
		api.change(func() { api.ahead = 0 })
		if err := r.Ready(time.Now()); err == nil || !strings.Contains(err.Error(), "not yet valid until") {
			t.Errorf("Ready = %v", err)
		}
		after(2 * time.Second)
		r.mustBeReady(t)
		if n := r.lines("agrees with the API server's again"); n != 1 {
			t.Errorf("%d lines say that the clock is right:\n%s", n, r.log.String())
		}
	})
}

// An API server that tells a wrong time, for less than the propagation time, changes
// nothing that works: replicas are ready and serve the same, and the CA stays.
func TestManagedOfAPIServersThatDisagree(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"one lifetime ahead": testLifetime, "three lifetimes ahead": 3*testLifetime + backdate, "two lifetimes behind": -2*testLifetime - backdate} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(1)
				r := startReplica(t, api)
				after(2 * testPropagation)
				before := serial(t, r)
				cas, _ := api.bundle()
				for range 10 {
					api.change(func() { api.ahead = wrong })
					r.mustBeReady(t)
					after(testPropagation - 2*time.Second)
					r.mustBeReady(t)
					if serial(t, r) != before {
						t.Fatalf("another certificate is served:\n%s", r.log.String())
					}
					api.change(func() { api.ahead = 0 })
					after(2 * time.Second)
				}
				if now, _ := api.bundle(); !slices.Contains(now, cas[0]) {
					t.Errorf("the CA that works has left the caBundle:\n%s", r.log.String())
				}
			})
		})
	}
}

// A replica whose clock was set does nothing by it before it has asked for the time.
func TestManagedAsksForTheTime(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"ahead": testLifetime, "far ahead": year, "behind": -year} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(1)
				r := startReplica(t, api)
				after(time.Minute)
				before, writes := serial(t, r), api.countWrites()
				api.change(func() { api.ahead, api.tellsTime = wrong, true })
				after(2 * time.Second)
				r.mustBeReady(t)
				if n := api.countWrites() - writes; n != 0 || serial(t, r) != before {
					t.Errorf("%d writes by a wrong clock:\n%s", n, r.log.String())
				}
			})
		})
	}
}
