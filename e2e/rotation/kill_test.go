// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// Replicas are killed at random, one at a time, and rotations go on.
func TestReplicasAreKilledAtRandom(t *testing.T) {
	t.Parallel()
	const rotations = 5
	in := install(t, 3, shortLifetime, shortPropagation)
	in.start(t)
	in.supervise(t.Context(), t)
	load, prober := in.startLoad(in.cutByKill), in.startProber()
	kills := 0
	for before, start := in.history.rotations(), time.Now(); in.history.rotations()-before < rotations; kills++ {
		if time.Since(start) > rotations*shortLifetime {
			t.Fatalf("%d rotations in %s", in.history.rotations()-before, time.Since(start))
		}
		in.replicas[rand.N(len(in.replicas))].Kill()
		in.waitReady(t)
		time.Sleep(rand.N(time.Second)) // chance is what is wanted
	}
	in.waitSerial(t, "the last certificate to be served", anySerial)
	load.finish(t)
	prober.finish(t)
	t.Logf("%d kills in %d rotations", kills, rotations)
}

// A replica is killed at every step in turn, and another one takes it.
func TestReplicaIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	in := install(t, 3, shortLifetime, shortPropagation)
	in.start(t)
	in.supervise(t.Context(), t)
	load, prober := in.startLoad(in.cutByKill), in.startProber()
	for _, m := range []moment{before, after} {
		rotations := in.history.rotations()
		for _, w := range []write{generate, publish, promote} {
			in.waitStruck(t, w, m, in.strike(w, m))
		}
		bedtest.Within(t, soon, "the rotation to end", func() error {
			if in.history.rotations() == rotations {
				return fmt.Errorf("the certificate is the same")
			}
			return nil
		})
		struck := in.strike(restore, m)
		in.deleteSecret(t)
		in.waitStruck(t, restore, m, struck)
		in.waitSerial(t, "what is served to be in the Secret", anySerial)
	}
	load.finish(t)
	prober.finish(t)
}

// A replica that is alone is killed at every step in turn. Its successor, which knows
// nothing but what is in the API server, ends what was begun.
func TestLoneReplicaIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		writes []write
		begin  func(*testing.T, *installation)
	}{
		{"the first certificate", []write{generate, publish, promote}, nil},
		{"a rotation", []write{generate, publish, promote}, func(t *testing.T, in *installation) { in.replicas[0].restartWith(t, longLifetime/2) }},
		{"the Secret is lost", []write{restore}, func(t *testing.T, in *installation) { in.deleteSecret(t) }},
		{"caBundle is lost", []write{publish}, func(t *testing.T, in *installation) { in.wipeBundles(t) }},
	} {
		for _, w := range c.writes {
			for _, m := range []moment{before, after} {
				t.Run(fmt.Sprintf("%s/%s %s", c.name, m, w), func(t *testing.T) {
					in := install(t, 1, longLifetime, longPropagation)
					alone := in.replicas[0]
					before := ""
					var struck <-chan *replica
					if c.begin == nil {
						struck = in.strike(w, m)
						if err := alone.start(); err != nil {
							t.Fatal(err)
						}
					} else {
						in.start(t)
						before = in.waitSerial(t, "the first certificate", anySerial)
						struck = in.strike(w, m)
						c.begin(t, in)
					}
					in.waitStruck(t, w, m, struck)
					prober := in.startProber()
					if err := alone.start(); err != nil {
						t.Fatal(err)
					}
					if c.name == "a rotation" {
						in.waitSerial(t, "the next certificate", func(serial string) bool { return serial != before })
					} else {
						in.waitSerial(t, "a certificate", anySerial)
					}
					in.waitHardened(t)
					prober.finish(t)
				})
			}
		}
	}
}

func (in *installation) waitStruck(t *testing.T, w write, m moment, struck <-chan *replica) {
	t.Helper()
	select {
	case <-struck:
	case <-time.After(2 * shortLifetime):
		t.Fatalf("no replica was killed %s %s", m, w)
	}
}

func (in *installation) deleteSecret(t *testing.T) {
	t.Helper()
	if err := client.CoreV1().Secrets(in.name).Delete(t.Context(), secretName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// wipeBundles writes the configuration without a caBundle, as kubectl replace does with
// the manifest.
func (in *installation) wipeBundles(t *testing.T) {
	t.Helper()
	if _, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(t.Context(), in.manifestNow(t), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
