// SPDX-License-Identifier: Apache-2.0

// Package evidence is what is known of a container beyond its manifest, and the form of a
// finding. [Facts] come from the live status, from known images and from images that were
// read. A [Finding] shows the evidence on which it rests.
package evidence
