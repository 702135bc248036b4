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

// What bodies leave behind is bounded, and small buffers stay rather than large ones.
func TestIdleBuffersAreBounded(t *testing.T) {
	var b buffers
	hold := func() int64 {
		var total int64
		for _, class := range b.idle {
			for _, buffer := range class {
				total += int64(cap(buffer))
			}
		}
		return total
	}
	for class := range maxBufferClass + 1 {
		size := int64(firstBodyBytes) << class
		var used [][]byte
		for taken := int64(0); taken < maxBodiesBytes; taken += size {
			used = append(used, b.get(size))
		}
		for _, buffer := range used {
			b.put(buffer)
			if got := hold(); got > maxIdleBytes || got != b.idleBytes {
				t.Fatalf("%d bytes are idle, counted as %d, and at most %d may be", got, b.idleBytes, maxIdleBytes)
			}
		}
	}
	if small := len(b.idle[0]); small == 0 {
		t.Error("large buffers have taken the place of small ones")
	}
	b.put(make([]byte, 0, firstBodyBytes<<maxBufferClass))
	small := 0
	for range maxIdleBytes / firstBodyBytes {
		b.put(make([]byte, 0, firstBodyBytes))
		small++
	}
	if got := len(b.idle[0]); got != small || hold() != maxIdleBytes {
		t.Errorf("%d small buffers of %d are kept, of %d bytes", got, small, hold())
	}
}
