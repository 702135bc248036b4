// SPDX-License-Identifier: Apache-2.0

// Package live reads a cluster for package status, with the caller's permissions. It changes
// nothing. What it may not read is noted in the snapshot and does not end it.
package live
