// SPDX-License-Identifier: Apache-2.0

// Package poll waits for what happens soon but not at once.
package poll

import (
	"context"
	"fmt"
	"time"
)

// Within calls check until it returns nil, for at most this time.
func Within(ctx context.Context, timeout time.Duration, what string, check func() error) error {
	deadline := time.Now().Add(timeout)
	for {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s: not within %s: %w", what, timeout, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
