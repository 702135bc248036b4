// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"slices"
	"testing"
)

func TestOrder(t *testing.T) {
	for n := 1; n <= 6; n++ {
		first, after := map[int]int{}, map[[2]int]int{}
		for round := range 2 * n {
			order := Order(round, n)
			if sorted := slices.Sorted(slices.Values(order)); len(slices.Compact(sorted)) != n || sorted[0] != 0 || sorted[n-1] != n-1 {
				t.Fatalf("round %d of %d: %v", round, n, order)
			}
			first[order[0]]++
			for i := 1; i < n; i++ {
				after[[2]int{order[i-1], order[i]}]++
			}
		}
		for a := range n {
			if first[a] != 2 {
				t.Errorf("of %d, %d is first %d times, want 2", n, a, first[a])
			}
			for b := range n {
				if a != b && after[[2]int{a, b}] != 2 {
					t.Errorf("of %d, %d comes %d times after %d, want 2", n, b, after[[2]int{a, b}], a)
				}
			}
		}
	}
}
