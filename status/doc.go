// SPDX-License-Identifier: Apache-2.0

// Package status says what became of the hardening of a cluster: who enforces what, what is
// hardened, what slipped through, what does not run since and because of which setting, and
// what breaks at the next restart. A [Snapshot] of objects goes in, a [Report] comes out.
// It asks no cluster: package status/live reads one.
//
// It suspects a setting only if the webhook filled that setting in, by the record on the
// Pod, and if an exit code, a message or a line of a log speaks against it.
//
// Start reading at report.go.
package status
