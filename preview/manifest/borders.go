// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A segment is a part of a text that kubectl reads as one document, which may be empty.
type segment struct {
	start, end int
	isJSON     bool   // a JSON value, and white space around it; else YAML
	wrong      string // why kubectl reads no document here; "" if it does
}

// segments splits a text into documents by the rules of kubectl, which are those of
// YAMLOrJSONDecoder in k8s.io/apimachinery: JSON values may stand one after the other,
// and YAML documents begin after lines that begin with ---. One JSON value may come
// before YAML documents. Segments stand one after the other, and are the whole text.
func segments(text []byte) []segment {
	if !looksLikeJSON(text) {
		return splitYAML(nil, text, 0)
	}
	values, err := splitJSON(text)
	switch {
	case errors.Is(err, io.EOF):
		values[len(values)-1].end = len(text)
		return values
	case len(values) > 1:
		// After two values kubectl expects nothing but JSON.
		rest := segment{start: values[len(values)-1].end, end: len(text), isJSON: true}
		if bytes.HasPrefix(bytes.TrimSpace(text[rest.start:]), []byte("---")) {
			rest.wrong = "kubectl reads no --- after JSON objects that stand without it: put --- between all of them"
		}
		return append(values, rest)
	}
	at := 0
	if len(values) == 1 {
		at = values[0].end
	}
	for at < len(text) { // white space up to the next line
		r, size := utf8.DecodeRune(text[at:])
		if !unicode.IsSpace(r) {
			break
		}
		at += size
		if r == '\n' {
			break
		}
	}
	if len(values) == 1 {
		values[0].end = at
		return splitYAML(values, text, at)
	}
	documents := splitYAML(nil, text, at)
	documents[0].start = 0
	return documents
}

// looksLikeJSON reports whether kubectl tries to read a text as JSON: as far as it looks
// ahead, the text begins with a brace.
func looksLikeJSON(text []byte) bool {
	const lookAhead = 4096
	return bytes.HasPrefix(bytes.TrimLeftFunc(text[:min(len(text), lookAhead)], unicode.IsSpace), []byte("{"))
}

// splitJSON returns the JSON values that stand one after the other, and the error that
// ends them: [io.EOF] at the end of the text.
func splitJSON(text []byte) ([]segment, error) {
	// What is wrong within a value is found when it is read.
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var values []segment
	for start := 0; ; {
		if _, err := dec.ReadValue(); err != nil {
			return values, err
		}
		end := int(dec.InputOffset())
		values = append(values, segment{start: start, end: end, isJSON: true})
		start = end
	}
}

// splitYAML appends the YAML documents from an offset on.
func splitYAML(to []segment, text []byte, offset int) []segment {
	current := segment{start: offset}
	for line := range bytes.Lines(text[offset:]) {
		if bytes.HasPrefix(line, []byte("---")) {
			if offset > current.start {
				current.end = offset
				to = append(to, current)
				current = segment{start: offset}
			}
			if !isSeparator(line) {
				current.wrong = "kubectl reads nothing but a comment after --- and a space: put what follows on a line of its own"
			}
		}
		offset += len(line)
	}
	current.end = offset
	return append(to, current)
}

// BeginsDocument reports whether a text begins a document of its own, or has no content
// that could run into what stands before.
func BeginsDocument(text []byte) bool {
	begin := content(text)
	if begin < 0 {
		return true
	}
	for line := range bytes.Lines(text[:begin]) {
		if isSeparator(line) {
			return true
		}
	}
	return false
}

// content returns the offset at which the content of a YAML document begins, after
// comments and its separator; -1 if it has none.
func content(text []byte) int {
	offset := 0
	for line := range bytes.Lines(text) {
		text := bytes.Trim(line, " \r\n")
		if len(text) > 0 && text[0] != '#' && !isSeparator(line) {
			return offset
		}
		offset += len(line)
	}
	return -1
}

// isSeparator reports whether a line is --- and at most a comment.
func isSeparator(line []byte) bool {
	rest, found := bytes.CutPrefix(line, []byte("---"))
	text := bytes.TrimSpace(rest)
	if bytes.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return false // YAML sees the end of a line there, and kubectl does not
	}
	return found && (len(text) == 0 || text[0] == '#' && bytes.IndexByte([]byte(" \t"), rest[0]) >= 0)
}
