// SPDX-License-Identifier: Apache-2.0

// Package stats sums up measurements of several rounds.
package stats

import "slices"

// A Spread is the median of several values, with the quartiles around it: half of the
// values are between Low and High. On a noisy machine a mean would tell of its neighbours.
type Spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

// Of returns the spread of the values, of which there must be one.
func Of(values []float64) Spread {
	if len(values) == 0 {
		panic("internal error: Of called without values")
	}
	s := slices.Sorted(slices.Values(values))
	return Spread{Low: quantile(s, 0.25), Median: quantile(s, 0.5), High: quantile(s, 0.75)}
}

// quantile interpolates between the two values that are next to it.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
