// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// The lifetime of tests that wait for it: a rotation begins when a third is left, which
// is time enough for one on a busy machine.
const (
	shortLifetime    = 10 * time.Second
	shortPropagation = 800 * time.Millisecond

	longLifetime    = 12 * time.Hour // in which nothing is due
	longPropagation = time.Second
)

// Twenty times the certificate is replaced, and not one create fails.
func TestRotationsUnderLoad(t *testing.T) {
	t.Parallel()
	const rotations = 20
	in := install(t, 3, shortLifetime, shortPropagation)
	in.start(t)
	load, prober := in.startLoad(nothingForgiven), in.startProber()
	before := in.history.rotations()
	connections := in.balancer.Connections()
	took := bedtest.Within(t, rotations*shortLifetime, fmt.Sprintf("%d rotations", rotations), func() error {
		if n := in.history.rotations() - before; n < rotations {
			return fmt.Errorf("%d rotations", n)
		}
		return nil
	})
	in.waitSerial(t, "the last certificate to be served", anySerial)
	load.finish(t)
	prober.finish(t)
	// Of two that make one at the same time, one has lost.
	if n := in.history.wasted(); n != 0 {
		t.Errorf("%d key pairs were made for nothing", n)
	}
	t.Logf("%d rotations in %s; the API server made %d connections", in.history.rotations()-before, took.Round(time.Second), in.balancer.Connections()-connections)
}
