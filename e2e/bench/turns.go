// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// A sample is what one contender did in one turn, by metric.
type sample map[string]float64

// loads has the load of each case and contender.
type loads map[[2]string]*load

// takeTurns returns a row for each contender in each case, over all rounds. In a round the
// contenders take turns at one case after the other, so that a machine that is slow for a
// while is slow for all of them. relate adds metrics that compare the samples of one round.
func (l loads) takeTurns(ctx context.Context, what string, rounds int, turn time.Duration, cases, contenders []string,
	relate func(map[string]sample)) (rows []row, err error) {
	values := map[[3]string][]float64{} // by case, contender and metric
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", what, round+1, rounds)
		for _, ofCase := range cases {
			samples := map[string]sample{}
			for _, i := range order(round, len(contenders)) {
				contender := contenders[i]
				if samples[contender], err = l[[2]string{ofCase, contender}].run(ctx, turn); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", contender, ofCase, err)
				}
			}
			relate(samples)
			for contender, s := range samples {
				for metric, v := range s {
					key := [3]string{ofCase, contender, metric}
					values[key] = append(values[key], v)
				}
			}
		}
	}
	for _, ofCase := range cases {
		for _, contender := range contenders {
			figures := map[string]spread{}
			for key, v := range values {
				if key[0] == ofCase && key[1] == contender {
					slices.Sort(v)
					figures[key[2]] = spread{quantile(v, 0.25), quantile(v, 0.5), quantile(v, 0.75)}
				}
			}
			rows = append(rows, row{ofCase, contender, figures})
		}
	}
	return rows, nil
}

// order returns the order of n contenders in a round. Over 2n rounds each contender comes
// first, and after each other one, equally often: a Latin square, balanced as described by
// E. J. Williams. What ran before may leave the machine warm, or its cache full.
func order(round, n int) []int {
	order := make([]int, n)
	for i := range order {
		// 0, 1, n-1, 2, n-2, …: each distance between neighbors once.
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

// quantile interpolates between two sorted values. There must be at least one.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
