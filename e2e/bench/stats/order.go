// SPDX-License-Identifier: Apache-2.0

package stats

import "slices"

// Order returns in which order a round takes what it compares, by index from 0 to n-1. What
// came before may leave the machine warm, or its cache full: over 2n rounds each comes
// first, and after each other one, equally often (a Latin square, balanced in the way that
// E. J. Williams has found).
func Order(round, n int) []int {
	order := make([]int, n)
	for i := range order {
		// 0, 1, n-1, 2, n-2, …: each distance between neighbours once.
		step := (i + 1) / 2
		if i%2 == 0 {
			step = n - step
		}
		order[i] = (step + round/2) % n
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}
