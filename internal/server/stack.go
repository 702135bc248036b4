// SPDX-License-Identifier: Apache-2.0

package server

// stackBytes is a little less than a review takes of the stack, which is 16 KiB with it.
const stackBytes = 7 << 10

// growStack makes the stack of its goroutine as large as a review needs, while there is
// little on it. Otherwise the stack grows in three steps, the last of them deep in the
// decoder, and each step copies what is on it: an eighth of the time of a typical review.
// Over HTTP/2 that is so for each request, over HTTP/1.1 for each connection.
//
// The index may be any below stackBytes. As the compiler does not know it, it cannot leave
// the space out.
//
//go:noinline
func growStack(index int) byte {
	var space [stackBytes]byte
	return space[index]
}
