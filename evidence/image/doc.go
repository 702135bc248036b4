// SPDX-License-Identifier: Apache-2.0

// Package image reads container images for the facts that findings rest on: from registries and
// from local content. It never runs anything of an image.
//
//	source  where manifests and blobs come from: registries, OCI layouts, archives
//	layer   what is kept of a layer, and the bounds of what is read
//	store   what was kept of layers, remembered by digest in the user's cache
//	tree    the file system that layers make
//
// A [Reader] brings them together. Images are the work of unknown authors: all sizes are
// bounded, all digests are checked, and no link leads out of the root of an image.
package image
