// SPDX-License-Identifier: Apache-2.0

// Package images tests how the preview reads images: from a real registry, with TLS and a
// password, and how long that takes for a fleet.
package images
