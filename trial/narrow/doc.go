// SPDX-License-Identifier: Apache-2.0

// Package narrow finds the smallest exception under which a workload works, from all
// settings downwards. It runs nothing: it says what to try next, and is told what came of
// it.
//
// Settings do not add up. An application may work under all of them and break under one
// alone, since its entrypoint does other things as another user. So nothing is concluded
// from one setting about another: an answer is what was tried as a whole and worked.
//
// Start reading at search.go.
package narrow
