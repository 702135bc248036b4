// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// What docs/operations.md says that it takes, at rest and under as much as reviews of the
// largest pods can make it take. GOMEMLIMIT, as the chart sets it, is far above both, and
// would change nothing.
func TestMemory(t *testing.T) {
	const maxIdle, maxLoaded, clients = 40 << 20, 96 << 20, 64
	r := startReplica(t)
	p := r.Running().Process()
	idle, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	f := r.caller(t, newTally()).flood(ctx, &all, clients, goodReview(t, "1 MiB"))
	for f.answered() < 2*clients && pause(ctx, 10*time.Millisecond) {
	}
	cancel()
	all.Wait()
	f.mustHaveLostNothing(t)
	loaded, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("resident: %.0f MiB idle, at most %.0f MiB with %d reviews of 1 MiB at a time", mebibytes(idle.Now), mebibytes(loaded.Peak), clients)
	if idle.Now > maxIdle || loaded.Peak > maxLoaded || f.codes[http.StatusOK] < 2*clients {
		t.Errorf("%d bytes are resident when idle, at most %d with %s; want at most %d and %d", idle.Now, loaded.Peak, f, maxIdle, maxLoaded)
	}
}
