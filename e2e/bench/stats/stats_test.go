// SPDX-License-Identifier: Apache-2.0

package stats

import "testing"

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []float64
		want   Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3}},
		{"two", []float64{4, 2}, Spread{2.5, 3, 3.5}},
		{"odd, in disorder", []float64{5, 1, 3, 2, 4}, Spread{2, 3, 4}},
		{"even", []float64{4, 3, 2, 1}, Spread{1.75, 2.5, 3.25}},
		{"negative", []float64{-1, 1}, Spread{-0.5, 0, 0.5}},
		{"one far off", []float64{1, 1, 1, 1, 100}, Spread{1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Of(tt.values); got != tt.want {
				t.Errorf("Of(%v) = %v, want %v", tt.values, got, tt.want)
			}
		})
	}
}
