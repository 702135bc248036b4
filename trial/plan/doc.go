// SPDX-License-Identifier: Apache-2.0

// Package plan turns a workload into the copies that a trial runs, and refuses the workloads
// of which copies would do harm. It calls nobody: what selects pods in the namespace is
// given.
//
// What it guarantees for every copy:
//
//   - It has no owner, and no controller can adopt it: no selector of a controller matches
//     its labels.
//   - No autoscaler counts it, and no Service sends traffic to it: either no selector
//     matches its labels, or it never becomes ready.
//   - It writes to no volume that outlives it, unless the caller insists.
//   - It ends by itself: it has activeDeadlineSeconds.
//   - Its settings are those that the webhook would decide, written out.
//
// Start reading at plan.go.
package plan
