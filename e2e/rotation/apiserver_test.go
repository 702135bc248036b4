// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"errors"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The API server is killed after each write of a rotation, and started again: the
// rotation ends, and no create fails for the webhook. Not parallel: it is the API
// server of all.
func TestAPIServerIsRestarted(t *testing.T) {
	in := install(t, 3, longLifetime, longPropagation)
	in.start(t)
	// Replicas are restarted here too.
	forgiven := func(err error, begun time.Time) bool { return away(err, begun) || in.cutByKill(err, begun) }
	load, prober := in.startLoad(forgiven), in.startProber()
	serial := in.waitSerial(t, "the first certificate", anySerial)
	lifetime := longLifetime
	for _, w := range []write{generate, publish, promote} {
		cas, rotations := in.history.cas(), in.history.rotations()
		// One replica is to make certificates of a shorter life: theirs are due for it.
		lifetime /= 2
		in.replicas[0].restartWith(t, lifetime)
		bedtest.Within(t, soon, string(w), func() error {
			done := map[write]bool{
				generate: in.history.hasNext(),
				publish:  in.history.cas() > cas,
				promote:  in.history.rotations() > rotations,
			}
			if !done[w] {
				return errors.New("not yet")
			}
			return nil
		})
		start := time.Now()
		if err := controlPlane.RestartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("the API server was away for %s, after %s", time.Since(start).Round(100*time.Millisecond), w)
		before := serial
		serial = in.waitSerial(t, "the next certificate", func(now string) bool { return now != before })
	}
	load.finish(t)
	prober.finish(t)
}

// The two objects have not changed for longer than the API server remembers changes,
// as after weeks: they are followed all the same. Not parallel either.
func TestObjectsAreOld(t *testing.T) {
	in := install(t, 1, longLifetime, longPropagation)
	in.start(t)
	serial := in.waitSerial(t, "the first certificate", anySerial)
	for range 10 { // so that other objects are newer
		createNamespace(t, unique("other"), nil)
	}
	if err := controlPlane.RestartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Once it is followed again, it is for good.
	bedtest.Within(t, soon, "both objects to be followed again", func() error {
		first := in.replicas[0].metric(t, lastReconcile)
		for range 3 { // the metric is set every second
			time.Sleep(1500 * time.Millisecond)
			next := in.replicas[0].metric(t, lastReconcile)
			if next == first {
				return errors.New("they are not")
			}
			first = next
		}
		return nil
	})
	for range 3 {
		in.deleteSecret(t)
		in.wipeBundles(t)
		took := bedtest.Within(t, soon, "a repair", func() error { return in.whole(t.Context(), serial) })
		t.Logf("repaired after %s", took.Round(time.Millisecond))
	}
}
