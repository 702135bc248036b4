// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// takenVolumes is a pod whose author has given its volumes the names that the profile's
// would get, or others of the same length.
func takenVolumes(n int, base string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"spec":{"volumes":[{"name":%q,"emptyDir":{"medium":"Memory"}}`, base)
	for i := 2; i <= n; i++ {
		fmt.Fprintf(&b, `,{"name":"%s-%d","emptyDir":{"medium":"Memory"}}`, base, i)
	}
	return b.String() + `],"containers":[{"name":"app"}]}}`
}

// The time for a pod does not depend on what its volumes are called: with a search through
// all of them for each name, this took thirty times as long.
func TestVolumeNamesTakeLinearTime(t *testing.T) {
	w := newWebhook(t)
	base := volumeName("/tmp")
	least := func(base string) time.Duration {
		request := create(takenVolumes(40_000, base))
		var best time.Duration
		for i := range 3 {
			start := time.Now()
			response := w.review(t, "/enforce/writable", request)
			if took := time.Since(start); i == 0 || took < best {
				best = took
			}
			if !strings.Contains(string(response.Patch), "mountPath") {
				t.Fatal("nothing was mounted")
			}
		}
		return best
	}
	others, taken := least(strings.Repeat("x", len(base))), least(base)
	if taken > 5*others {
		t.Errorf("%s with names that are taken, and %s with others", taken, others)
	}
}

func BenchmarkVolumeNames(b *testing.B) {
	w := newWebhook(b)
	for _, n := range []int{8_000, 16_000, 32_000, 54_000} {
		request := create(takenVolumes(n, volumeName("/tmp")))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				w.review(b, "/enforce/writable", request)
			}
		})
	}
}
