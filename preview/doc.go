// SPDX-License-Identifier: Apache-2.0

// Package preview reports what a profile would do to manifests, before anyone opts
// in: every decision with its reason, what may break an application, and the Pod
// Security level before and after.
//
// It decides nothing itself: decisions come from package defaults, and patches from
// package mutate, as they do in the webhook. Package manifest reads the files, package
// hazard finds what may break, and package yamledit adds to the text of manifests.
// [New] does all the work and returns a finished [Report]; package render writes it.
package preview
