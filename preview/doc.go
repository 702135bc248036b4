// SPDX-License-Identifier: Apache-2.0

// Package preview says what a profile would do to manifests, before anyone opts
// in: every decision with its reason, what may break an application, and the Pod
// Security level before and after.
//
// It decides nothing itself: decisions come from package defaults, and patches
// from package mutate, as they do in the webhook.
package preview
