// SPDX-License-Identifier: Apache-2.0

// Package known has facts about the images that people run most, read in their public
// Dockerfiles and entrypoints. The facts are in known.yaml, one entry for each image, with
// the address of each source. Nothing here was run or measured, and the builder of an
// image can change it: so the facts make a risk, and never more.
//
// [For] finds the facts of an image by its name. It compares whole repositories, and never
// takes a copy in another registry for the image that it is named after: nobody knows what
// registry.example.com/mirror/library/nginx holds. See [Images.For] for the two exceptions.
package known
