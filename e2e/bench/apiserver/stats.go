// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"math"
	"slices"
	"time"
)

// A Spread is what was measured over the rounds: the median, and the quartiles around it.
type Spread struct {
	LowerQuartile float64 `json:"lowerQuartile"`
	Median        float64 `json:"median"`
	UpperQuartile float64 `json:"upperQuartile"`
}

func spreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	return Spread{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// quantile returns that of sorted values, between two of them by linear interpolation; 0
// of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	below := math.Floor(at)
	low, high := sorted[int(below)], sorted[int(math.Ceil(at))]
	return low + (high-low)*(at-below)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
