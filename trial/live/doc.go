// SPDX-License-Identifier: Apache-2.0

// Package live is the cluster of a trial: copies by the dynamic client, and what selects in
// the namespace.
package live
