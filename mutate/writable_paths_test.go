// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"strings"
	"testing"
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

// BenchmarkVolumeNames shows that the time for a pod is linear in its volumes, also where
// their names are those that the profile's volumes would get.
func BenchmarkVolumeNames(b *testing.B) {
	w := newWebhook(b)
	for _, n := range []int{8_000, 16_000, 32_000, 54_000} {
		request := create(takenVolumes(n, VolumeName("/tmp")))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				w.review(b, "/enforce/writable", request)
			}
		})
	}
}
