// SPDX-License-Identifier: Apache-2.0

// Package repo tests the repository itself: what may import what, and what is of one
// version.
package repo

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests in the root of the repository.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}
