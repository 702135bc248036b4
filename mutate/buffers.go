// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"math/bits"
	"sync"
)

// buffers are used again by one body after the other. Fresh memory comes from the kernel
// page by page, which for a body of 1 MiB takes longer than deciding on it. Those that
// nobody uses are garbage after the next collections.
type buffers [maxBufferClass + 1]sync.Pool // of *[]byte, of firstBodyBytes << class each

// maxBufferClass is the class of a buffer that holds maxBodyBytes, and one more.
const maxBufferClass = 9

// bufferSize returns the size of the smallest buffer that holds so many bytes.
func bufferSize(bytes int64) int64 { return firstBodyBytes << bufferClass(bytes) }

func bufferClass(bytes int64) int { return bits.Len64(uint64(max(bytes-1, 0)) / firstBodyBytes) }

// get returns an empty buffer of a size.
func (b *buffers) get(size int64) []byte {
	if used, found := b[bufferClass(size)].Get().(*[]byte); found {
		return (*used)[:0]
	}
	return make([]byte, 0, size)
}

// put gives a buffer to others. It must not be used any more.
func (b *buffers) put(buffer []byte) {
	if cap(buffer) > 0 {
		b[bufferClass(int64(cap(buffer)))].Put(&buffer)
	}
}
