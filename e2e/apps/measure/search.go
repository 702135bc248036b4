// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// Choices are what a profile may say for an application beyond leaving settings out.
type choices struct {
	account  int64      // the user that the image has for the server, or 0
	keepUser bool       // the kubelet accepts the image's user under runAsNonRoot
	paths    [][]string // sets of writable paths
	// harmless are settings that do no harm by themselves, and of which none is known to do harm
	// only beside others: they are not left out. They make the search several times longer.
	harmless []string
}

// candidates returns the profiles that may be the smallest, in groups, of which the first
// one with a profile that works has the smallest: first those that keep the most settings,
// then those that differ from profile hardened in the fewest.
func candidates(c choices) [][]catalogue.Variant {
	// A setting is kept, or left out; the user may be the account's, and the read-only root may
	// come with writable paths.
	all := []catalogue.Variant{{}}
	add := func(f func(v catalogue.Variant) []catalogue.Variant) {
		var next []catalogue.Variant
		for _, v := range all {
			next = append(next, f(v)...)
		}
		all = next
	}
	kept := func(v catalogue.Variant, settings ...string) catalogue.Variant {
		v.Settings = append(slices.Clone(v.Settings), settings...)
		return v
	}
	for _, setting := range []string{catalogue.AllowPrivilegeEscalation, catalogue.CapabilitiesDrop} {
		add(func(v catalogue.Variant) []catalogue.Variant { return []catalogue.Variant{kept(v, setting), v} })
	}
	add(func(v catalogue.Variant) []catalogue.Variant {
		found := []catalogue.Variant{kept(v, catalogue.ReadOnlyRootFilesystem), v}
		for _, paths := range c.paths {
			with := kept(v, catalogue.ReadOnlyRootFilesystem)
			with.WritablePaths = paths
			found = append(found, with)
		}
		return found
	})
	add(func(v catalogue.Variant) []catalogue.Variant {
		found := []catalogue.Variant{kept(v, catalogue.RunAsNonRoot, catalogue.RunAsUser), v}
		if c.keepUser {
			found = append(found, kept(v, catalogue.RunAsNonRoot))
		}
		if c.account != 0 {
			with := kept(v, catalogue.RunAsNonRoot, catalogue.RunAsUser)
			with.User = c.account
			found = append(found, with)
		}
		return found
	})
	add(func(v catalogue.Variant) []catalogue.Variant {
		if slices.Contains(c.harmless, catalogue.SeccompProfile) {
			return []catalogue.Variant{kept(v, catalogue.SeccompProfile)}
		}
		return []catalogue.Variant{kept(v, catalogue.SeccompProfile), v}
	})
	return groups(all)
}

func groups(all []catalogue.Variant) (found [][]catalogue.Variant) {
	order := func(a, b catalogue.Variant) int {
		return cmp.Or(cmp.Compare(len(b.Settings), len(a.Settings)), cmp.Compare(len(a.Differs()), len(b.Differs())))
	}
	slices.SortStableFunc(all, order)
	for i, v := range all {
		if i == 0 || order(all[i-1], v) != 0 {
			found = append(found, nil)
		}
		found[len(found)-1] = append(found[len(found)-1], v)
	}
	return found
}

// smallest returns the smallest profiles under which the application serves, as try says,
// which may be asked for several at a time.
func smallest(c choices, try func(...catalogue.Variant) ([]bool, error)) ([]catalogue.Variant, error) {
	for _, group := range candidates(c) {
		works, err := try(group...)
		if err != nil {
			return nil, err
		}
		var found []catalogue.Variant
		for i, v := range group {
			if works[i] {
				if v, err = fewestPaths(v, try); err != nil {
					return nil, err
				}
				found = append(found, v)
			}
		}
		if found != nil {
			return fewest(found), nil
		}
	}
	return nil, nil
}

// fewestPaths returns the variant without the writable paths that it does not need.
func fewestPaths(v catalogue.Variant, try func(...catalogue.Variant) ([]bool, error)) (catalogue.Variant, error) {
	for i := 0; i < len(v.WritablePaths) && len(v.WritablePaths) > 1; {
		less := v
		less.WritablePaths = slices.Delete(slices.Clone(v.WritablePaths), i, i+1)
		works, err := try(less)
		if err != nil {
			return v, err
		}
		if works[0] {
			v = less
		} else {
			i++
		}
	}
	return v, nil
}

// fewest returns of those that differ in the same settings the ones with the fewest writable
// paths, each once.
func fewest(found []catalogue.Variant) (smallest []catalogue.Variant) {
	alike := func(v catalogue.Variant) string { return fmt.Sprint(v.Differs(), v.Settings) }
	least := map[string]int{}
	for _, v := range found {
		if n, seen := least[alike(v)]; !seen || len(v.WritablePaths) < n {
			least[alike(v)] = len(v.WritablePaths)
		}
	}
	seen := map[string]bool{}
	for _, v := range found {
		if len(v.WritablePaths) == least[alike(v)] && !seen[v.String()] {
			seen[v.String()] = true
			smallest = append(smallest, v)
		}
	}
	return smallest
}
