// SPDX-License-Identifier: Apache-2.0

// Package render writes the reports of trials: as a table, as JSON, and as the profile that
// was found. It finds nothing out.
package render
