// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"testing"
	"time"
)

// All the replicas are suspended, as by the hibernation of the machine, until what they
// serve has expired: they repair it within seconds of waking up.
func TestExpiryWhileSuspended(t *testing.T) {
	t.Parallel()
	in := install(t, 3, shortLifetime, shortPropagation)
	in.start(t)
	in.waitSerial(t, "the first certificate", anySerial)
	for _, r := range in.replicas {
		r.Running().Process().Suspend()
	}
	leaf, err := in.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The clock on the wall is what is waited for, and nothing else.
	time.Sleep(time.Until(leaf.NotAfter) + 2*time.Second)
	for _, r := range in.replicas {
		r.Running().Process().Resume()
	}
	resumed := time.Now()
	in.waitHardened(t)
	hardened := time.Since(resumed)
	expired := leaf.SerialNumber.Text(16)
	in.waitSerial(t, "another certificate", func(serial string) bool { return serial != expired })
	t.Logf("a pod is hardened %s after they went on, and all replicas are ready after %s", hardened.Round(time.Millisecond), time.Since(resumed).Round(time.Millisecond))
	if took := time.Since(resumed); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
