// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// What nearly every answer holds is written here rather than by package json, whose
// reflection took as long as all of the decisions; skips and mounts are left to that. Tests
// hold it against the types of the API.

// quote returns a text as a JSON string.
func quote(text string) jsontext.Value { return appendQuoted(nil, text) }

// appendQuoted appends a text as a JSON string. It must be UTF-8, as all that is read
// from JSON is.
func appendQuoted(b []byte, text string) []byte {
	b, err := jsontext.AppendQuote(b, text)
	if err != nil {
		panic(fmt.Sprintf("internal error: quoting %q: %s", text, err))
	}
	return b
}

// appendTexts appends texts as a JSON array.
func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, text)
	}
	return append(b, ']')
}

// appendObject appends a map as a JSON object, in the order of its keys.
func appendObject[V any](b []byte, members map[string]V, appendValue func([]byte, V) []byte) []byte {
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, key), ':')
		b = appendValue(b, members[key])
	}
	return append(b, '}')
}
