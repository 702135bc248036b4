// SPDX-License-Identifier: Apache-2.0

// Package text bounds the texts of others that Caseharden repeats, and makes them visible.
package text

import "strings"

// Shorten cuts a text to at most n bytes, at a rune's boundary.
func Shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(text[:n-len(ellipsis)], "") + ellipsis
}
