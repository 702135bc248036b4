// SPDX-License-Identifier: Apache-2.0

// Package inorder works on many things at the same time, and takes the results in order.
package inorder

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Do works on n things with all CPUs, and calls each for one result after the other,
// in order. work must not change anything that another call of it reads.
func Do[T any](n int, work func(i int) T, each func(i int, result T)) {
	// Of results that are not yet taken, no more than these are in memory.
	const batch = 256
	results := make([]T, min(n, batch))
	for first := 0; first < n; first += batch {
		size := min(batch, n-first)
		var next atomic.Int64
		var workers sync.WaitGroup
		for range min(size, runtime.GOMAXPROCS(0)) {
			workers.Go(func() {
				for i := int(next.Add(1)) - 1; i < size; i = int(next.Add(1)) - 1 {
					results[i] = work(first + i)
				}
			})
		}
		workers.Wait()
		for i := range size {
			each(first+i, results[i])
		}
	}
	clear(results)
}
