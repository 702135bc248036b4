// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/caseharden/caseharden/defaults"
)

// BenchmarkDecide shows that the time for a container does not grow with the number of the
// others, whatever a profile has defaults for.
func BenchmarkDecide(b *testing.B) {
	profile := mustParseProfile(b, everything)
	for _, n := range []int{1, 1000, 16_000} {
		pod, err := ParsePod([]byte(`{"spec":{"containers":[` + strings.TrimSuffix(strings.Repeat(`{"name":"c"},`, n), ",") + `]}}`))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				profile.Decide(pod)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/container")
		})
	}
}
