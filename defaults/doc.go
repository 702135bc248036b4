// SPDX-License-Identifier: Apache-2.0

// Package defaults decides which settings of a pod's security contexts to fill
// in, and why the others are left alone.
//
// It is the product in one pure function: [Profile.Decide] puts every default of a
// profile through the switch in decide.go, and each comes out as inject, leave or skip,
// with a reason from a closed set. The package knows nothing of HTTP, of patches or of time; how a
// decision reaches the API server is the business of package mutate. Nor does it know YAML or
// the names of images: how profiles are written in files is the business of package profile.
//
// Three things hold for every pod:
//
//   - A value that its author set, on the container or inherited from the pod,
//     is never replaced. Set means present in the JSON and not null, judged on
//     the very JSON that the API server will patch and not on a decoded copy.
//   - Nothing is injected that would make the API server or the kubelet refuse
//     a pod that they accept as it stands. One thing cannot be seen at
//     admission: the user of an image.
//   - Deciding again over the result injects nothing.
//
// Start reading at decide.go, then at the table of fields in fields.go. A field
// that has conflicts has a file of its own.
package defaults
