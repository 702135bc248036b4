// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"
)

// waitFor polls until done, for what happens soon but not at once.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10s for %s", what)
		}
	}
}
