// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map in CONTRIBUTING.md fits on one screen, and names every room: the packages of the
// product, and the parts of e2e.
func TestMapNamesEveryRoom(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## Where things are")
	_, rest, _ = strings.Cut(rest, "```\n")
	plan, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("CONTRIBUTING.md has no map")
	}
	if lines := strings.Count(plan, "\n"); lines > 50 {
		t.Errorf("the map has %d lines, and a screen has 50", lines)
	}
	rooms := 0
	for _, pattern := range []string{"*", "*/*", "evidence/image/*", "preview/render/*"} {
		found, err := filepath.Glob(pattern + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, file := range found {
			dir := filepath.Dir(file)
			name := filepath.Base(dir)
			if seen[dir] || name == "testdata" {
				continue
			}
			seen[dir] = true
			rooms++
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(plan) {
				t.Errorf("the map does not name %s", dir)
			}
		}
	}
	if rooms < 50 {
		t.Errorf("%d rooms were looked for, which are too few", rooms)
	}
}
