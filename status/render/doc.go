// SPDX-License-Identifier: Apache-2.0

// Package render writes reports of package status: for people and for programs. Every output
// is a function of the report, and finds nothing out.
package render
