// SPDX-License-Identifier: Apache-2.0

// Package policy writes a profile as admission policies, so that the API server itself fills
// in the settings and nothing else has to run.
//
// Mode enforce becomes a MutatingAdmissionPolicy with one JSONPatch. The modes warn and audit
// become ValidatingAdmissionPolicies, whose bindings have the actions Warn and Audit. The
// expressions are made from the catalogue and the conflicts of package defaults: what this
// package adds is how a condition is spelt in CEL. A field needs nothing here. A conflict needs
// its expression in conflicts.go: a test fails without it, and [Export] refuses the profile.
//
// What it guarantees, by tests on a real API server in e2e/policy: the stored Pod is the same
// by the webhook and by the policy. What is lost is listed by [Losses], and at the head of
// each export.
//
// Start reading at export.go, then at decide.go, which is defaults/decide.go in CEL.
package policy
