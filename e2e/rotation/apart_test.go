// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

const (
	watchErrors   = `caseharden_certificate_errors_total{step="watch"}`
	publishErrors = `caseharden_certificate_errors_total{step="publish"}`
	lastReconcile = "caseharden_certificate_last_reconcile_timestamp_seconds"
)

// A replica that cannot reach the API server serves what it has, says so once, and
// catches up later with what the others have done meanwhile.
func TestReplicaIsCutOff(t *testing.T) {
	t.Parallel()
	for _, m := range []mode{refuses, hangs} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			in := install(t, 3, longLifetime, longPropagation)
			in.start(t)
			apart, others := in.replicas[0], in.replicas[1:]
			load, prober := in.startLoad(in.cutByKill), in.startProber()
			first := in.waitSerial(t, "the first certificate", anySerial)

			cut := time.Now()
			apart.proxy.set(m)
			noticed := bedtest.Within(t, soon, "the error to be counted", func() error {
				if n := apart.metric(t, watchErrors); n != 1 {
					return fmt.Errorf("%v", n)
				}
				return nil
			})
			reconciled := apart.metric(t, lastReconcile)

			// The others rotate.
			others[0].restartWith(t, longLifetime/2)
			bedtest.Within(t, soon, "the others to rotate", func() error {
				for _, r := range others {
					leaf, err := r.handshake(t.Context())
					if err != nil {
						return err
					}
					if leaf.SerialNumber.Text(16) == first {
						return fmt.Errorf("%s serves the first certificate", r.Dir)
					}
				}
				return nil
			})
			// Long enough for some attempts that fail, each of which takes up to 10 s.
			for time.Since(cut) < 15*time.Second {
				if err := apart.CheckReady(t.Context()); err != nil {
					t.Fatalf("not ready while it is cut off: %v", err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if leaf, err := apart.handshake(t.Context()); err != nil || leaf.SerialNumber.Text(16) != first {
				t.Errorf("while it is cut off it serves %v, %v", leaf, err)
			}
			if n := apart.metric(t, watchErrors); n != 1 {
				t.Errorf("%v errors were counted", n)
			}
			if now := apart.metric(t, lastReconcile); now != reconciled {
				t.Errorf("while it is cut off it reconciled, at %v and before at %v", now, reconciled)
			}
			if n := apart.lines(t, cut, func(l line) bool { return l.Level == "WARN" && l.Step != "" }); n != 1 {
				t.Errorf("it has logged %d warnings", n)
			}

			apart.proxy.set(forwards)
			recovered := time.Now()
			in.waitSerial(t, "all to serve what the others have made", func(serial string) bool { return serial != first })
			t.Logf("noticed after %s; caught up %s after the API server was back", noticed.Round(time.Millisecond), time.Since(recovered).Round(time.Millisecond))
			bedtest.Within(t, soon, "the metric to go on", func() error {
				if now := apart.metric(t, lastReconcile); now == reconciled {
					return fmt.Errorf("%v", now)
				}
				return nil
			})
			load.finish(t)
			prober.finish(t)
			// That it is cut off and that it no longer is, and what it serves now.
			if n := apart.lines(t, cut, func(l line) bool { return l.Namespace == "" }); n > 6 {
				t.Errorf("it has logged %d lines, not counting those of Pods", n)
			}
		})
	}
}

// Each time that no replica can write caBundle is counted once by each replica, also
// where another one has repaired it the time before.
func TestErrorsAreCountedOnce(t *testing.T) {
	t.Parallel()
	in := install(t, 2, longLifetime, longPropagation)
	in.start(t)
	serial := in.waitSerial(t, "the first certificate", anySerial)
	for times := range 3 {
		for _, r := range in.replicas {
			r.proxy.set(readOnly)
		}
		in.wipeBundles(t)
		for _, r := range in.replicas {
			bedtest.Within(t, soon, fmt.Sprintf("%d errors to be counted", times+1), func() error {
				if n := r.metric(t, publishErrors); n != float64(times+1) {
					return fmt.Errorf("%v", n)
				}
				return nil
			})
		}
		in.replicas[times%2].proxy.set(forwards)
		bedtest.Within(t, soon, "a repair", func() error { return in.whole(t.Context(), serial) })
		for _, r := range in.replicas {
			bedtest.Within(t, soon, "the log to say that it is over", func() error {
				ended := r.lines(t, time.Time{}, func(l line) bool { return l.Msg == "certificate reconciliation recovered" && l.Step == "publish" })
				if ended != times+1 {
					return fmt.Errorf("%d times", ended)
				}
				return nil
			})
		}
	}
}

// lines counts what the replica has logged since.
func (r *replica) lines(t *testing.T, since time.Time, counts func(line) bool) int {
	t.Helper()
	lines, _, err := r.log()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range lines {
		// One without a time is nothing of slog's, and counts.
		if (l.Time.IsZero() || l.Time.After(since)) && counts(l) {
			n++
		}
	}
	return n
}
