// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// forge makes the Secret a record of a release, beside what an administrator has added.
func forge(secret *corev1.Secret) *corev1.Secret {
	forged := secret.DeepCopy()
	forged.Labels = map[string]string{
		"owner": "helm", "name": "caseharden", "status": "deployed", "version": "4", "createdAt": "1", "modifiedAt": "2",
		"app.kubernetes.io/managed-by": "caseharden", "app.kubernetes.io/instance": "gitops", "team": "platform",
	}
	forged.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "x"}
	forged.Finalizers = []string{"example.com/keep"}
	if forged.Data == nil {
		forged.Data = map[string][]byte{}
	}
	forged.Data["release"], forged.Data["mine"] = []byte("H4sI"), []byte("kept")
	return forged
}

// The Secret never stays a record of a release, and everything else that others have
// added to it stays. This costs no certificate.
func TestManagedIsNoHelmRecord(t *testing.T) {
	for name, harm := range map[string]func(*memoryAPI){
		"while nothing else is to be done": func(a *memoryAPI) { a.setSecret(forge(a.secret)) },
		"with the certificates gone":       func(a *memoryAPI) { a.setSecret(forge(&corev1.Secret{})) },
		"while rotating": func(a *memoryAPI) {
			forged := forge(a.secret)
			nextKeys.write(forged.Data, validKeyPair())
			a.setSecret(forged)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newMemoryAPI(2)
				r := startReplica(t, api)
				after(time.Hour)
				before := serial(t, r)
				api.change(func() { harm(api) })
				after(100 * time.Millisecond)
				r.mustBeReady(t)
				if now := serial(t, r); now != before {
					t.Errorf("the certificate is %s, and was %s", now, before)
				}
				if diff := cmp.Diff(map[string]string{"app.kubernetes.io/managed-by": "caseharden", "app.kubernetes.io/instance": "gitops", "team": "platform"}, api.secret.Labels); diff != "" {
					t.Errorf("labels (-want +got):\n%s", diff)
				}
				if _, found := api.secret.Data["release"]; found || string(api.secret.Data["mine"]) != "kept" {
					t.Errorf("the Secret has the keys %v", slices.Sorted(maps.Keys(api.secret.Data)))
				}
				if len(api.secret.Annotations) != 1 || len(api.secret.Finalizers) != 1 {
					t.Error("what others have added to the metadata is gone")
				}
			})
		})
	}
}

// validKeyPair is a key pair that is valid now.
func validKeyPair() *keyPair {
	g, err := newKeyPair([]string{"caseharden.caseharden.svc"}, time.Now(), testLifetime)
	if err != nil {
		panic(err)
	}
	return g
}

// labellingAPI labels every Secret that is written, as a mutating policy does.
type labellingAPI struct {
	*memoryAPI
	labels map[string]string
}

func (a *labellingAPI) UpdateSecret(ctx context.Context, s *corev1.Secret) error {
	labelled := s.DeepCopy()
	if labelled.Labels == nil {
		labelled.Labels = map[string]string{}
	}
	maps.Copy(labelled.Labels, a.labels)
	return a.memoryAPI.UpdateSecret(ctx, labelled)
}

// A policy that labels every Secret causes no writes. One that makes records of them
// causes an error, and no more writes than the limit.
func TestManagedAgainstLabels(t *testing.T) {
	for name, tt := range map[string]struct {
		labels         map[string]string
		writes, errors int // at most, and at least
	}{
		"of a platform": {map[string]string{"team": "platform", "app.kubernetes.io/managed-by": "Helm"}, 0, 0},
		"of Helm":       {map[string]string{"owner": "helm"}, 3600/5 + 2*writeBurst, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := newMemoryAPI(1)
				r := startReplica(t, &labellingAPI{memory, tt.labels})
				after(time.Minute)
				before := memory.countWrites()
				memory.change(func() {
					labelled := memory.secret.DeepCopy()
					labelled.Labels = maps.Clone(tt.labels)
					memory.setSecret(labelled)
				})
				after(testLifetime / 2)
				r.mustBeReady(t)
				if n := memory.countWrites() - before; n > tt.writes {
					t.Errorf("%d writes in an hour, want at most %d", n, tt.writes)
				}
				if n := r.value(t, "caseharden_certificate_errors_total", "clean"); int(n) < tt.errors {
					t.Errorf("%v errors are counted", n)
				}
			})
		})
	}
}

// A Secret with a certificate of another issuer is never written, whatever its labels.
func TestManagedLeavesForeignRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		forged := forge(&corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: issueForeign(t)}})
		api.change(func() { api.setSecret(forged) })
		r := startReplica(t, api)
		after(time.Minute)
		if err := r.Ready(time.Now()); err == nil || !strings.Contains(err.Error(), "use another Secret") {
			t.Errorf("Ready = %v, want the reason", err)
		}
		if n := api.countWrites(); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}
