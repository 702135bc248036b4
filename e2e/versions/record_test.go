// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "versions.md")
	table := func(rows string) string { return "before\n" + tableBegins + tableHead + rows + tableEnds + "after\n" }
	if err := os.WriteFile(file, []byte(table("| v1.36.3 | api | 9 passed | then | a |\n| v1.30.13 | api | FAILED | then | a |\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := record(file, [][]string{{"v1.30.14", "api", "8 passed", "now", "b"}, {"v1.30.14", "chart", "7 passed", "now", "b"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := table("| v1.36.3 | api | 9 passed | then | a |\n| v1.30.14 | api | 8 passed | now | b |\n| v1.30.14 | chart | 7 passed | now | b |\n")
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
