// SPDX-License-Identifier: Apache-2.0

// Package stats sums up measurements of several rounds.
package stats

import (
	"fmt"
	"slices"
)

// A Spread is the median of several values, with the quartiles around it: half of the
// values are between them. On a noisy machine a mean would tell of its neighbours.
type Spread struct {
	LowerQuartile float64 `json:"lowerQuartile"`
	Median        float64 `json:"median"`
	UpperQuartile float64 `json:"upperQuartile"`
}

// Of returns the spread of the values, which is zero if there are none.
func Of(values []float64) Spread {
	s := slices.Sorted(slices.Values(values))
	return Spread{LowerQuartile: Quantile(s, 0.25), Median: Quantile(s, 0.5), UpperQuartile: Quantile(s, 0.75)}
}

// Quantile returns that of sorted values, between two of them by linear interpolation; 0
// of none.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// String is for tables: the median, and the quartiles behind it.
func (s Spread) String() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.LowerQuartile, s.UpperQuartile)
}
