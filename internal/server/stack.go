// SPDX-License-Identifier: Apache-2.0

package server

// stackBytes is a little less than a review takes of the stack, which is 16 KiB with it.
const stackBytes = 7 << 10

// growStack makes the stack of its goroutine as large as a review needs, at once and
// while there is little on it. Over HTTP/2 each request has a goroutine of its own, over
// HTTP/1.1 each connection, whose stack otherwise grows in three steps, the last of them
// deep in the decoder: what is on it is copied each time and each pointer to it is looked
// for, for an eighth of all that a typical review takes.
//
// The index may be any below stackBytes. As the compiler does not know it, it cannot leave
// the space out.
//
//go:noinline
func growStack(index int) byte {
	var space [stackBytes]byte
	return space[index]
}
