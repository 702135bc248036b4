// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// processesIn returns the processes, other than this one, that have dir in
// their command line. Those that have ended have none, even before they are
// waited for. Without a /proc it finds no process.
func processesIn(t *testing.T, dir string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		// A process may end between the two looks.
		if line, err := os.ReadFile(f); err == nil && pid != os.Getpid() && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
