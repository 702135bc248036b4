// SPDX-License-Identifier: Apache-2.0

// Package mutate brings the decisions of package defaults to the API server: an
// AdmissionReview comes in, and out goes a JSON patch, a warning or an audit
// annotation, by the mode in which a namespace has opted in.
//
// What it guarantees:
//
//   - It never denies. A review is answered with allowed: true; a failure of our
//     own is an HTTP error, so that the operator's failurePolicy decides.
//   - A patch holds only add operations at exact JSON pointers, on the JSON as
//     received: each adds a field that is not set, or an object that is not there
//     with all fields in it. The annotation caseharden.io/injected is the one value
//     that may be replaced.
//   - Its answer to a second pass over its own output is empty.
//   - Objects with pod templates are never patched, in any mode. In the modes Warn
//     and Audit it says of a template what it would say of its pods.
//   - It calls nobody: what it needs stands in the review.
//
// It is a library: a request in, a response out, with the decisions as values. The HTTP
// handler, its limits, the metrics and the log are in internal/server.
//
// Start reading at review.go, which is the way of a review through the package, then at
// scope.go, which says what a review is about, and template.go, which finds the
// templates.
package mutate
