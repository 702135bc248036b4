// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"os"
	"strings"
	"testing"
)

func TestStartWithoutMachine(t *testing.T) {
	t.Setenv("MACHINE_ADDRESS", "")
	_, err := Start(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "needs a machine of its own: make test-cluster") {
		t.Errorf("got %v, want that a machine is needed", err)
	}
}

// TestStartFails has errors quote the log of who failed, and leave no files.
func TestStartFails(t *testing.T) {
	before, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "bind: address already in use") {
		t.Errorf("a second cluster in the machine: %v, want that the first has the port", err)
	}
	after, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("temporary files before: %v, after: %v", before, after)
	}
}
