// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/internal/doctest"
)

// The documentation says what makes up MaxMemory.
func TestMemoryDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| bound | at most |\n|---|---|\n")
	total := 0
	row := func(bytes int, what string, args ...any) {
		total += bytes
		fmt.Fprintf(&b, "| %s | %.0f MiB |\n", fmt.Sprintf(what, args...), float64(bytes)/(1<<20))
	}
	row(heldBytes, "large bodies that arrive or wait, and large answers that their clients do not read")
	row(smallBytes, "small reviews that are worked on at a time")
	row(largeBytes, "one large review")
	row(maxRequests*requestBytes, "%d requests: the first %d KiB of their bodies, and %d KiB each for the rest",
		maxRequests, firstBodyBytes>>10, (requestBytes-firstBodyBytes)>>10)
	row(maxConnections*connectionBytes, "%d connections, %d KiB each", maxConnections, connectionBytes>>10)
	row(heapFloor, "a floor of the heap, which is address space and no memory, but counts for `GOMEMLIMIT`")
	if total != MaxMemory {
		t.Errorf("the rows add up to %d bytes, and MaxMemory is %d", total, MaxMemory)
	}
	fmt.Fprintf(&b, "| together | %.0f MiB |\n", float64(total)/(1<<20))
	doctest.Check(t, "../../docs/operations.md", "memory", "./internal/server", b.String())
}
