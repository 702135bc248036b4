// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	testLifetime    = 2 * time.Hour
	testPropagation = time.Minute
)

// A replicaUnderTest is a Managed that runs, until the test ends or it is stopped.
type replicaUnderTest struct {
	*Managed
	*recorder
	stop context.CancelFunc
}

func startReplica(t *testing.T, api API) *replicaUnderTest {
	t.Helper()
	return startReplicaFor(t, api, "caseharden.caseharden.svc")
}

func startReplicaFor(t *testing.T, api API, host string) *replicaUnderTest {
	t.Helper()
	return startReplicaWith(t, api, host, testLifetime)
}

func startReplicaWith(t *testing.T, api API, host string, lifetime time.Duration) *replicaUnderTest {
	t.Helper()
	r := &replicaUnderTest{recorder: newRecorder()}
	var err error
	r.Managed, err = NewManaged(api, ManagedOptions{Hosts: []string{host, "127.0.0.1"}, Lifetime: lifetime, Propagation: testPropagation}, r.recorder.logger, r.recorder.metrics)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	r.stop = func() { cancel(); <-ended }
	t.Cleanup(r.stop)
	return r
}

// after lets the time pass, and all that happens in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *replicaUnderTest) mustBeReady(t *testing.T) {
	t.Helper()
	if err := r.Ready(time.Now()); err != nil {
		t.Errorf("Ready = %v\n%s", err, r.log.String())
	}
}

func wantBundle(t *testing.T, api *memoryAPI, many int) {
	t.Helper()
	if cas, same := api.bundle(); len(cas) != many || !same {
		t.Errorf("caBundle has %d CAs, the same in every webhook: %t; want %d", len(cas), same, many)
	}
}

// From nothing to ready takes no propagation time: there is nothing to lose.
func TestManagedFromNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(3)
		r := startReplica(t, api)
		if err := r.Ready(time.Now()); !errors.Is(err, errNotLoaded) {
			t.Errorf("Ready = %v, want that nothing is loaded", err)
		}
		after(time.Second)
		r.mustBeReady(t)
		wantBundle(t, api, 1)
		if c, _ := r.GetCertificate(nil); c.Leaf.VerifyHostname("caseharden.caseharden.svc") != nil || c.Leaf.VerifyHostname("127.0.0.1") != nil {
			t.Errorf("the certificate is for %v, %v", c.Leaf.DNSNames, c.Leaf.IPAddresses)
		}
		wantNoKey(t, r.log.String(), api.secret.Data[corev1.TLSPrivateKeyKey])
	})
}

// Eight hours of rotations by three replicas: each serves the same, which is always valid
// and trusted; a CA is trusted for the propagation time before it is served, and until
// one lifetime after it has expired.
func TestManagedRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(2)
		var replicas []*replicaUnderTest
		for range 3 {
			replicas = append(replicas, startReplica(t, api))
		}
		after(time.Second)
		begin := time.Now()
		serials := []string{serial(t, replicas[0])}
		since := map[string]time.Time{} // when a CA came into the caBundle
		for time.Since(begin) < 8*time.Hour {
			after(10 * time.Second)
			cas, same := api.bundle()
			if !same {
				t.Fatal("the caBundles differ")
			}
			for _, ca := range cas {
				if _, found := since[ca]; !found {
					since[ca] = time.Now()
				}
			}
			for _, r := range replicas {
				if err := r.Ready(time.Now()); err != nil {
					t.Fatalf("after %s: %v", time.Since(begin), err)
				}
				c, _ := r.GetCertificate(nil)
				ca := c.Leaf.Issuer.CommonName
				if !slices.Contains(cas, ca) {
					t.Fatalf("after %s: %s is served and not trusted", time.Since(begin), ca)
				}
				if s := c.Leaf.SerialNumber.Text(16); s != serials[len(serials)-1] && !slices.Contains(serials, s) {
					if came := time.Since(since[ca]); came < testPropagation-10*time.Second {
						t.Errorf("%s is served %s after it was published", ca, came)
					}
					serials = append(serials, s)
				}
			}
		}
		// One for each two thirds of the two hours.
		if len(serials) != 6 {
			t.Errorf("%d certificates were served in eight hours, want 6", len(serials))
		}
		wantBundle(t, api, 3)
		for _, r := range replicas {
			if n := r.lines("certificate reconciliation failed"); n > 0 {
				t.Errorf("%d errors:\n%s", n, r.log.String())
			}
		}
	})
}

// What others do to the two objects is repaired at once, and costs no key pair.
func TestManagedHeals(t *testing.T) {
	for name, tt := range map[string]struct {
		harm func(*memoryAPI)
		same bool // the certificate is still the one before
	}{
		"the Secret is deleted": {func(a *memoryAPI) { a.setSecret(nil) }, true},
		"the Secret is emptied": {func(a *memoryAPI) { a.setSecret(&corev1.Secret{}) }, true},
		"the Secret is garbage": {func(a *memoryAPI) {
			a.setSecret(&corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: []byte("x"), corev1.TLSPrivateKeyKey: []byte("y"), "ca.crt": []byte("z"), "mine": []byte("kept")}})
		}, true},
		"caBundle is wiped": {func(a *memoryAPI) {
			c := a.configuration.DeepCopy()
			c.Webhooks[0].ClientConfig.CABundle = nil
			a.setConfiguration(c)
		}, true},
		"caBundle is garbage": {func(a *memoryAPI) {
			c := a.configuration.DeepCopy()
			c.Webhooks[1].ClientConfig.CABundle = []byte("garbage")
			a.setConfiguration(c)
		}, true},
		"the configuration is deleted and comes back": {func(a *memoryAPI) {
			c := a.configuration.DeepCopy()
			a.setConfiguration(nil)
			for i := range c.Webhooks {
				c.Webhooks[i].ClientConfig.CABundle = nil
			}
			a.setConfiguration(c)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(2)
				r := startReplica(t, api)
				after(time.Hour)
				before := serial(t, r)
				api.change(func() { tt.harm(api) })
				after(100 * time.Millisecond)
				r.mustBeReady(t)
				wantBundle(t, api, 1)
				if now := serial(t, r); (now == before) != tt.same {
					t.Errorf("the certificate is %s, and was %s", now, before)
				}
				if v := newSecretView(api.secret); v.current == nil || v.current.leaf.SerialNumber.Text(16) != serial(t, r) {
					t.Errorf("the Secret does not hold what is served: %s", v.currentProblem)
				}
				if strings.Contains(name, "garbage") && strings.Contains(name, "Secret") && string(api.secret.Data["mine"]) != "kept" {
					t.Error("what somebody else keeps in the Secret is gone")
				}
				if r.lines("certificate step taken") < 4 {
					t.Errorf("the log does not say so:\n%s", r.log.String())
				}
			})
		})
	}
}

// A replica that cannot reach the API server serves on, says so once, and goes on when
// it can.
func TestManagedWithoutAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		r := startReplica(t, api)
		after(time.Hour)
		before := serial(t, r)
		api.change(func() { api.err = errors.New("connection refused") })
		api.breakWatches()
		after(time.Hour / 2)
		r.mustBeReady(t)
		if serial(t, r) != before {
			t.Error("another certificate is served")
		}
		if n := r.lines("certificate reconciliation failed"); n != 1 {
			t.Errorf("%d lines say so, want 1:\n%s", n, r.log.String())
		}
		if n := r.value(t, "caseharden_certificate_errors_total", "watch"); n != 1 {
			t.Errorf("%v errors are counted, want 1", n)
		}
		if age := float64(time.Now().Unix()) - r.value(t, "caseharden_certificate_last_reconcile_timestamp_seconds", ""); age < 1700 {
			t.Errorf("the last reconcile was %v s ago, want half an hour", age)
		}
		api.change(func() { api.err = nil })
		after(2 * maxPause)
		if n := r.lines("certificate reconciliation recovered"); n != 1 {
			t.Errorf("%d lines say that all is well again, want 1:\n%s", n, r.log.String())
		}
		if age := float64(time.Now().Unix()) - r.value(t, "caseharden_certificate_last_reconcile_timestamp_seconds", ""); age > 2 {
			t.Errorf("the last reconcile was %v s ago", age)
		}
	})
}

// Errors of writes are retried, with pauses, and said once.
func TestManagedRetriesWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		refusing := &refusingAPI{memoryAPI: api, refuses: true}
		r := startReplica(t, refusing)
		after(time.Hour)
		if err := r.Ready(time.Now()); err == nil || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("Ready = %v, want the reason", err)
		}
		if n := r.lines("certificate reconciliation failed"); n != 1 {
			t.Errorf("%d lines say so, want 1:\n%s", n, r.log.String())
		}
		if refusing.attempts < 100 || refusing.attempts > 3600 {
			t.Errorf("%d attempts in an hour", refusing.attempts)
		}
		refusing.change(func() { refusing.refuses = false })
		after(2 * maxPause)
		r.mustBeReady(t)
	})
}

type refusingAPI struct {
	*memoryAPI
	refuses  bool
	attempts int
}

func (a *refusingAPI) isRefused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuses {
		a.attempts++
	}
	return a.refuses
}

func (a *refusingAPI) UpdateSecret(ctx context.Context, s *corev1.Secret) error {
	if a.isRefused() {
		return errors.New("forbidden")
	}
	return a.memoryAPI.UpdateSecret(ctx, s)
}

func (a *refusingAPI) CreateSecret(ctx context.Context, data map[string][]byte) error {
	if a.isRefused() {
		return errors.New("forbidden")
	}
	return a.memoryAPI.CreateSecret(ctx, data)
}

// What rests on the caBundle is done only if it is as it was seen: this replica has
// heard nothing since, as after having been suspended.
func TestManagedConfirmsBeforeItPromotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		r := startReplica(t, api)
		after(testLifetime*2/3 + testPropagation/2)
		before := serial(t, r)
		if v := newSecretView(api.secret); v.next == nil {
			t.Fatal("no rotation is under way")
		}
		// The caBundle is wiped, and written again without the next CA, unheard.
		api.change(func() {
			api.silent = true
			c := api.configuration.DeepCopy()
			c.Webhooks[0].ClientConfig.CABundle = api.secret.Data["ca.crt"]
			api.setConfiguration(c)
		})
		after(time.Minute)
		if v := newSecretView(api.secret); v.next == nil || serial(t, r) != before {
			t.Error("the next key pair was promoted by what is no more")
		}
		api.change(func() { api.silent = false })
		api.breakWatches()
		after(2*testPropagation + 2*maxPause)
		r.mustBeReady(t)
		if serial(t, r) == before {
			t.Error("the rotation does not go on")
		}
	})
}

// Without a configuration nothing trusts a certificate, and readiness says so.
func TestManagedWithoutConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		api.configuration = nil
		r := startReplica(t, api)
		after(time.Minute)
		if err := r.Ready(time.Now()); err == nil || err.Error() != "serving certificate not loaded: there is no webhook configuration" {
			t.Errorf("Ready = %v", err)
		}
		api.putConfiguration(2)
		after(time.Second)
		r.mustBeReady(t)
		api.change(func() { api.setConfiguration(nil) })
		after(time.Second)
		if err := r.Ready(time.Now()); err == nil || err.Error() != "there is no webhook configuration" {
			t.Errorf("Ready = %v", err)
		}
		calls := api.calls
		after(time.Hour)
		if api.calls != calls {
			t.Errorf("%d writes where there is nothing to do", api.calls-calls)
		}
	})
}

func TestManagedOptions(t *testing.T) {
	for want, o := range map[string]ManagedOptions{
		`no host to make certificates for`:                                    {nil, time.Hour, 0},
		`host "a b": neither a DNS name nor an IP address`:                    {[]string{"a b"}, time.Hour, 0},
		`lifetime 1ms: must be at least 1s, the resolution of X.509`:          {[]string{"a"}, time.Millisecond, 0},
		`propagation 11m0s: must be from 0 to a sixth of the lifetime, 10m0s`: {[]string{"a"}, time.Hour, 11 * time.Minute},
		`propagation -1ns: must be from 0 to a sixth of the lifetime, 10m0s`:  {[]string{"a"}, time.Hour, -1},
	} {
		if _, err := NewManaged(newMemoryAPI(1), o, newRecorder().logger, newRecorder().metrics); err == nil || err.Error() != want {
			t.Errorf("NewManaged(%+v) = %v, want %s", o, err, want)
		}
	}
}
