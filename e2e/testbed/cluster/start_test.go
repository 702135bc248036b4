// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"os"
	"strings"
	"testing"
)

func TestStartWithoutMachine(t *testing.T) {
	t.Setenv("SANDBOX_ADDRESS", "")
	_, err := Start(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "needs a sandbox of its own: make test-cluster") {
		t.Errorf("got %v, want that a sandbox is needed", err)
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
		t.Errorf("a second cluster in the sandbox: %v, want that the first has the port", err)
	}
	after, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("temporary files before: %v, after: %v", before, after)
	}
}
