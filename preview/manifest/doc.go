// SPDX-License-Identifier: Apache-2.0

// Package manifest reads files with manifests as kubectl does: their documents, the objects
// in them with their lines, and the places of pod templates in the objects. It also says
// what is no manifest, such as a patch of a kustomization, and which fields of security
// contexts are misspelled.
//
// It knows no profile, and decides nothing.
package manifest
