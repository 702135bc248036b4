// SPDX-License-Identifier: Apache-2.0

// Package watch says what the states of a copy mean: it works, it breaks, and by which line,
// or it cannot be told, and why. It calls nobody: what was seen is given, and so is the time.
//
// Start reading at judge.go. What a line of a log points at is in clue.go.
package watch
