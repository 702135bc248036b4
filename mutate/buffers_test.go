// SPDX-License-Identifier: Apache-2.0

package mutate

import "testing"

func TestBuffers(t *testing.T) {
	for bytes, want := range map[int64]int64{
		0: 16 << 10, 1: 16 << 10, 16 << 10: 16 << 10, 16<<10 + 1: 32 << 10, 1 << 20: 1 << 20, 1<<20 + 1: 2 << 20,
		maxBodyBytes + 1: firstBodyBytes << maxBufferClass,
	} {
		var b buffers
		if got := bufferSize(bytes); got != want {
			t.Errorf("for %d bytes: a buffer of %d, want %d", bytes, got, want)
		}
		buffer := b.get(want)
		if int64(cap(buffer)) != want || len(buffer) != 0 {
			t.Errorf("of size %d: %d bytes of %d", want, len(buffer), cap(buffer))
		}
		b.put(append(buffer, "of somebody else"...))
		if again := b.get(want); int64(cap(again)) != want || len(again) != 0 {
			t.Errorf("again, of size %d: %d bytes of %d", want, len(again), cap(again))
		}
	}
}
