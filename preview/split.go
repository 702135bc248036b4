// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// split splits a file into its documents, and numbers them.
func split(text []byte) []*document {
	var documents []*document
	if isJSONStream(text) {
		documents = splitJSON(text)
	} else {
		for _, d := range splitYAML(text) {
			documents = append(documents, d.splitJSON(text)...)
		}
	}
	for i, d := range documents {
		d.index = i + 1
	}
	return documents
}

// splitJSON splits a document of YAML that holds JSON values one after the other, as
// kubectl does not; any other it returns as it is.
func (d *document) splitJSON(text []byte) []*document {
	own := text[d.start:d.end]
	at := bytes.IndexByte(own, '{')
	if !beginsWithBrace(own) || bytes.Contains(own[:at], []byte("--- ")) {
		return []*document{d}
	}
	values := splitJSON(own[at:])
	for _, v := range values {
		if len(values) == 1 || checkJSON(bytes.TrimSpace(own[at+v.start:at+v.end])) != nil {
			return []*document{d}
		}
		v.start, v.end = d.start+at+v.start, d.start+at+v.end
		v.line += d.line - 1
	}
	return values
}

// beginsWithBrace says whether the content of a document begins with a brace, as
// objects in flow style and in JSON do.
func beginsWithBrace(text []byte) bool {
	for line := range bytes.Lines(text) {
		if contentOf(line) {
			line = bytes.TrimPrefix(bytes.TrimPrefix(line, []byte("\ufeff")), []byte("---"))
			return bytes.HasPrefix(bytes.TrimSpace(line), []byte("{"))
		}
	}
	return false
}

// isJSONStream says whether a text is JSON values, one after the other, as far as
// the first goes: YAML has objects in braces too, and separators.
func isJSONStream(text []byte) bool {
	text = bytes.TrimLeft(text, "\ufeff \t\r\n")
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	for line := range bytes.Lines(text) {
		if isSeparator(line) {
			return false
		}
	}
	_, err := jsontext.NewDecoder(bytes.NewReader(text)).ReadValue()
	return err == nil
}

// splitJSON splits JSON values that stand one after the other.
func splitJSON(text []byte) []*document {
	var documents []*document
	bom := len(text) - len(bytes.TrimPrefix(text, []byte("\ufeff")))
	dec := jsontext.NewDecoder(bytes.NewReader(text[bom:]))
	for start, line, counted := bom, 1, 0; ; {
		value, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			if n := len(documents); n > 0 {
				documents[n-1].end = len(text) // with the white space that follows
			}
			return documents
		}
		end := bom + int(dec.InputOffset())
		from := end - len(value)
		if err != nil {
			from, end = start+len(text[start:])-len(bytes.TrimLeft(text[start:], " \t\r\n")), len(text)
		}
		line += bytes.Count(text[counted:from], []byte("\n"))
		counted = from
		documents = append(documents, &document{start: start, end: end, line: line, isJSON: true})
		if err != nil {
			return documents
		}
		start = end
	}
}

// splitYAML splits at the lines that begin with "---", as kubectl does, and after
// those that begin with "...", at which kubectl loses what follows. Between documents
// there may be text without content.
func splitYAML(text []byte) []*document {
	var documents []*document
	current := &document{}
	hasContent := false
	line, offset := 1, 0
	for part := range bytes.Lines(text) {
		switch {
		case !isSeparator(part):
		case hasContent:
			current.end = offset
			documents = append(documents, current)
			current, hasContent = &document{start: offset}, false
		case !hasDirective(text[current.start:offset]):
			current.start = offset
		}
		if content := contentOf(part); content && !hasContent {
			hasContent, current.line = true, line
		}
		line++
		offset += len(part)
		if hasContent && isMarker(part, "...") {
			current.end = offset
			documents = append(documents, current)
			current, hasContent = &document{start: offset}, false
		}
	}
	current.end = offset
	switch {
	case hasContent:
		documents = append(documents, current)
	case len(documents) > 0:
		documents[len(documents)-1].end = offset
	}
	return documents
}

// hasDirective says whether a text without content has a line such as %YAML 1.2,
// which belongs to the document that follows.
func hasDirective(text []byte) bool {
	return bytes.HasPrefix(text, []byte("%")) || bytes.Contains(text, []byte("\n%"))
}

func isSeparator(line []byte) bool { return isMarker(line, "---") }

// isMarker says whether a line begins with a marker of the ends of documents.
func isMarker(line []byte, marker string) bool {
	rest, found := bytes.CutPrefix(line, []byte(marker))
	return found && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n"))
}

// contentOf says whether a line is more than a comment, a directive or a
// separator.
func contentOf(line []byte) bool {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	if isSeparator(line) {
		line = line[3:]
	}
	text := bytes.TrimSpace(line)
	return len(text) > 0 && text[0] != '#' && line[0] != '%' && !bytes.Equal(text, []byte("..."))
}
