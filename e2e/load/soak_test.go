// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"
	"time"
)

// A short soak finds what fails often; make soak is the long one.
func TestSoak(t *testing.T) {
	if err := soak(t.Context(), 10*time.Second, os.Getenv("CORPUS"), t.Output()); err != nil {
		t.Error(err)
	}
}
