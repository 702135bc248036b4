// SPDX-License-Identifier: Apache-2.0

// Package trial finds out by running what settings of a profile a workload can take.
//
// It runs copies of the workload's own pod side by side: one as it is, the control; one
// with all settings that the webhook would fill in; and, if that one breaks, others with
// exceptions, until the smallest exception is found under which the workload works. That
// is then run as a whole once more, and killed. What is reported is what ran.
//
// What copies are is in package plan, what their states mean in package watch, and what to
// try next in package narrow. The three call nobody. Here they are put together, on a
// [Cluster] that the caller provides.
//
// Start reading at Trial.Run.
package trial
