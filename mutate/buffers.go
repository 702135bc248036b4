// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"math/bits"
	"sync"
)

// buffers are used again by one body after the other. Fresh memory comes from the kernel
// page by page, which for a body of 1 MiB takes longer than deciding on it. Those that
// nobody uses take maxIdleBytes at most; where there are more, the largest go.
type buffers struct {
	mu        sync.Mutex // guards the following
	idle      [maxBufferClass + 1][][]byte
	idleBytes int64
}

const (
	// maxBufferClass is the class of a buffer that holds maxBodyBytes, and one more.
	maxBufferClass = 9

	// maxIdleBytes are for all processors to be busy with bodies of 1 MiB, and most others
	// with small ones.
	maxIdleBytes = 8 << 20
)

// bufferSize returns the size of the smallest buffer that holds so many bytes.
func bufferSize(bytes int64) int64 { return firstBodyBytes << bufferClass(bytes) }

func bufferClass(bytes int64) int { return bits.Len64(uint64(max(bytes-1, 0)) / firstBodyBytes) }

// get returns an empty buffer of a size, which must be one of bufferSize.
func (b *buffers) get(size int64) []byte {
	b.mu.Lock()
	buffer := b.pop(bufferClass(size))
	b.mu.Unlock()
	if buffer == nil {
		return make([]byte, 0, size)
	}
	return buffer[:0]
}

// put gives a buffer to others. It must not be used any more.
func (b *buffers) put(buffer []byte) {
	size := int64(cap(buffer))
	if size == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	class := bufferClass(size)
	b.idle[class] = append(b.idle[class], buffer)
	b.idleBytes += size
	for largest := maxBufferClass; b.idleBytes > maxIdleBytes; {
		if b.pop(largest) == nil {
			largest--
		}
	}
}

// pop returns a buffer that nobody uses, or nil. The caller must hold b.mu.
func (b *buffers) pop(class int) []byte {
	of := b.idle[class]
	if len(of) == 0 {
		return nil
	}
	last := of[len(of)-1]
	of[len(of)-1] = nil // or the array would keep it
	b.idle[class] = of[:len(of)-1]
	b.idleBytes -= int64(cap(last))
	return last
}
