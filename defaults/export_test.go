// SPDX-License-Identifier: Apache-2.0

package defaults

// Most tests are in package defaults_test: they read profiles with package profile, which
// imports this one. This is what they need of its inside.

// HoldsAtPodLevel is holdsAtPodLevel.
func (conflict *Conflict) HoldsAtPodLevel(f *Field, pod *Pod, v Value) bool {
	return conflict.holdsAtPodLevel(f, pod, v)
}
