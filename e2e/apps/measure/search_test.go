// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// The search finds the profile that keeps the most settings, whatever else would work too.
func TestSmallest(t *testing.T) {
	t.Parallel()
	const user, drop, root, nonRoot = catalogue.RunAsUser, catalogue.CapabilitiesDrop, catalogue.ReadOnlyRootFilesystem, catalogue.RunAsNonRoot
	has := func(v catalogue.Variant, setting string) bool { return slices.Contains(v.Settings, setting) }
	for name, test := range map[string]struct {
		choices choices
		works   func(catalogue.Variant) bool
		want    []string
	}{
		"all settings": {choices{account: 33}, func(catalogue.Variant) bool { return true }, []string{"all settings"}},
		"its own user": {
			choices{account: 33},
			func(v catalogue.Variant) bool { return v.User == 33 || !has(v, user) },
			[]string{"all settings; user 33"},
		},
		"one of the paths": {
			choices{paths: [][]string{{"/a", "/b", "/c"}}},
			func(v catalogue.Variant) bool { return !has(v, root) || slices.Contains(v.WritablePaths, "/b") },
			[]string{"all settings; writable /b"},
		},
		"paths that hide files do not help": {
			choices{paths: [][]string{{"/a"}, {"/a", "/hides"}}},
			func(v catalogue.Variant) bool {
				return !has(v, root) || slices.Contains(v.WritablePaths, "/a") && !slices.Contains(v.WritablePaths, "/hides")
			},
			[]string{"all settings; writable /a"},
		},
		"either": {
			choices{account: 33, paths: [][]string{{"/a"}}},
			func(v catalogue.Variant) bool { return v.User == 33 || len(v.WritablePaths) == 1 },
			[]string{"all settings; user 33", "all settings; writable /a"},
		},
		"root with capabilities": {
			choices{account: 33},
			func(v catalogue.Variant) bool { return !has(v, user) && !has(v, nonRoot) && !has(v, drop) },
			[]string{"without capabilities.drop, runAsNonRoot, runAsUser"},
		},
		"the image's number": {
			choices{keepUser: true},
			func(v catalogue.Variant) bool { return !has(v, user) },
			[]string{"without runAsUser"},
		},
		"nothing": {choices{account: 33}, func(catalogue.Variant) bool { return false }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := smallest(test.choices, func(variants ...catalogue.Variant) (works []bool, err error) {
				for _, v := range variants {
					works = append(works, test.works(v))
				}
				return works, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range found {
				got = append(got, v.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("smallest profiles (-want +got):\n%s", diff)
			}
		})
	}
}

// Every combination is tried before the search gives up, the profile without a setting last.
func TestCandidatesAreComplete(t *testing.T) {
	t.Parallel()
	all := candidates(choices{account: 33, keepUser: true, paths: [][]string{{"/a"}, {"/b"}}})
	seen := map[string]bool{}
	for _, group := range all {
		for _, v := range group {
			if seen[v.String()] {
				t.Errorf("%s is tried twice", v)
			}
			seen[v.String()] = true
		}
	}
	// Three settings are kept or not; the root is read-only, not, or has one of two sets of
	// paths; the user is the profile's, the account, the image's with runAsNonRoot or without.
	if want := 2 * 2 * 2 * 4 * 4; len(seen) != want {
		t.Errorf("%d candidates, want %d", len(seen), want)
	}
	if n := len(slices.Concat(candidates(choices{harmless: []string{catalogue.SeccompProfile}})...)); n != 2*2*2*2 {
		t.Errorf("%d candidates if one setting is always kept, want half of them", n)
	}
	if last := all[len(all)-1]; len(last) != 1 || last[0].String() != "as it is" {
		t.Errorf("the last group is %v, want the application as it is", last)
	}
}

func TestDeciding(t *testing.T) {
	t.Parallel()
	for log, want := range map[string]string{
		"starting\nmkdir: cannot create directory: Read-only file system\nbye\n": "mkdir: cannot create directory: Read-only file system",
		"one\ntwo\n": "two",
		"":           "",
		"pod nginx-6f9c7d8b5d-x2x9z of 0123456789abcdef0123456789abcdef failed": "pod … of … failed",
	} {
		if got := deciding(log); got != want {
			t.Errorf("%q: got %q, want %q", log, got, want)
		}
	}
}
