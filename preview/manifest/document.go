// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/internal/wire"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// A Document is one of a file's, with the objects in it.
type Document struct {
	Index      int // among those of the file that are not empty, from 1; 0: it is empty
	Start, End int // of its text in the file
	First      int // the line in the file, from 1, where its text begins
	Line       int // the line in the file, from 1, where its content begins
	IsJSON     bool
	IsManifest bool   // it was read as an object or a list of objects
	NotObject  bool   // found, and no object of Kubernetes
	Patch      string // why it is no manifest, though it may look like one
	Objects    []*Object

	found bool // in a file that was found in a directory
}

// IsEmpty reports whether a document has nothing but comments, or is null.
func (d *Document) IsEmpty() bool { return d.Index == 0 }

// An Object is a document, or an item of a List in one.
type Object struct {
	Document   *Document
	Pointer    string // JSON pointer to it in the document
	Line       int    // in the file, from 1
	APIVersion string
	Kind       string
	Raw        jsontext.Value
	Start      int // where Raw begins in the file, if the document is JSON
}

// A documentError is why a document, or an object in it, cannot be read.
type documentError struct {
	line    int // in the file; 0: unknown
	message string
}

func (e *documentError) Error() string { return e.message }

// documentsOf reads the documents of a file, which are its whole text but for a byte order
// mark. Documents that are not whole are in the errors, which do not keep the others from
// being read.
func documentsOf(input Input) (documents []*Document, errs []Error) {
	body := bytes.TrimPrefix(input.Data, []byte(Mark))
	mark := len(input.Data) - len(body)
	all := segments(body)
	line, counted := 1, 0
	for _, s := range all {
		line += bytes.Count(body[counted:s.start], []byte("\n"))
		counted = s.start
		documents = append(documents, &Document{
			Start: mark + s.start, End: mark + s.end, First: line, IsJSON: s.isJSON, found: input.Found,
		})
	}
	type result struct {
		empty bool
		err   error
	}
	index := 0
	inorder.Do(len(all), func(i int) (r result) {
		r.empty, r.err = documents[i].read(body[all[i].start:all[i].end], all[i].wrong)
		return r
	}, func(i int, r result) {
		if r.empty {
			return
		}
		index++
		d := documents[i]
		d.Index = index
		for _, err := range unjoined(r.err) {
			line := d.Line
			if located, ok := errors.AsType[*documentError](err); ok && located.line > 0 {
				line = located.line
			}
			errs = append(errs, Error{File: input.Name, Document: d.Index, Line: line, Message: err.Error()})
		}
	})
	return documents, errs
}

// unjoined returns the errors that were joined, also of lists in lists.
func unjoined(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, unjoined(e)...)
	}
	return errs
}

// read finds the objects in the text of a document, and reports whether it has none
// because it is empty: null, or nothing but comments.
func (d *Document) read(text []byte, wrong string) (empty bool, err error) {
	begin := 0
	if d.IsJSON {
		begin = len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	} else if begin = content(text); begin < 0 {
		if wrong == "" && isPlain(text) {
			return true, nil
		}
		begin = 0
	}
	d.Line = d.inFile(lineOf(text, begin))
	if wrong != "" {
		return false, &documentError{d.Line, wrong}
	}
	o := &Object{Document: d, Line: d.Line, Start: d.Start + begin}
	if d.IsJSON {
		o.Raw = bytes.TrimRight(text[begin:], " \t\r\n")
	} else {
		if o.Raw, err = yamlToJSON(text); err != nil {
			return false, d.yamlError(text, err)
		}
		if goesOn(text, o.Raw) {
			return false, &documentError{d.Line, "is more than one object, of which kubectl reads the first: put --- before each other one"}
		}
	}
	if kind := o.Raw.Kind(); kind != '{' {
		switch err := checkJSON(o.Raw); {
		case err != nil:
			return false, d.atOffset(text, begin, err)
		case kind == 'n':
			return true, nil
		case d.found:
			d.NotObject = true
			return false, nil
		}
		return false, &documentError{d.Line, "must be an object with apiVersion and kind"}
	}
	return false, d.add(text, o)
}

// isPlain reports whether a text is ASCII without control characters, which YAML may not
// have even in comments, and without line breaks that kubectl does not see but YAML does.
func isPlain(text []byte) bool {
	return bytes.Count(text, []byte("\r")) == bytes.Count(text, []byte("\r\n")) && !bytes.ContainsFunc(text, func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' && r != '\r' && r != '\n' })
}

// withoutMark returns the text of a document without the byte order mark right after its
// separator, where kubectl reads on: two files that were put together may have one there.
func withoutMark(text []byte) []byte {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if isSeparator(first) && bytes.HasPrefix(rest, []byte(Mark)) {
		return slices.Concat(first, []byte("\n"), rest[len(Mark):])
	}
	return text
}

// yamlToJSON refuses a key that is there twice, but for one that overrides what is
// merged (<<), which the strict conversion takes for the same.
func yamlToJSON(text []byte) ([]byte, error) {
	// As kubectl does: both may be part of a block scalar.
	if text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")); !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	text = withoutMark(text)
	converted, err := yaml.YAMLToJSONStrict(text)
	if err == nil || !bytes.Contains(text, []byte("<<")) {
		return converted, err
	}
	var checked any
	if err := yamlv3.Unmarshal(text, &checked); err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(text)
}

// goesOn reports whether something follows the object of a document, which a YAML library
// does not read: after ..., after a --- that kubectl does not see, or after an object in
// flow style. What is in block style goes on to the end.
func goesOn(text []byte, object jsontext.Value) bool {
	body := text[max(content(text), 0):]
	if object.Kind() == '{' && body[0] != '{' && !bytes.Contains(body, []byte("...")) && !bytes.Contains(body, []byte("---")) {
		return false
	}
	decoder := yamlv3.NewDecoder(bytes.NewReader(text))
	var node, next yamlv3.Node
	if decoder.Decode(&node) != nil {
		return false
	}
	switch err := decoder.Decode(&next); {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		_, rest, ended := bytes.Cut(text, []byte("\n..."))
		return !ended || !onlyDirectives(rest)
	}
	return len(next.Content) != 1 || next.Content[0].ShortTag() != "!!null"
}

// onlyDirectives reports whether a text has nothing but directives such as %YAML 1.2, for
// a document that kubectl reads apart from them.
func onlyDirectives(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

func checkJSON(raw jsontext.Value) error {
	var skipped jsontext.Value
	return json.Unmarshal(raw, &skipped)
}

// inFile turns a line of the document's text into one of the file.
func (d *Document) inFile(line int) int { return d.First + line - 1 }

var yamlLine = regexp.MustCompile(`^(?:error converting YAML to JSON: )?yaml: (?:unmarshal errors:\s+)?(?:line (\d+): )?`)

// yamlError returns an error of the YAML library with its line in the file.
func (d *Document) yamlError(text []byte, err error) error {
	message := err.Error()
	found := &documentError{line: d.Line}
	first := 1
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		message = message[len(match[0]):]
		if line, err := strconv.Atoi(match[1]); err == nil {
			// The library counts a line more where the text ends too soon.
			last := lineOf(text, len(bytes.TrimRight(text, " \t\r\n")))
			first = min(line, last)
			found.line = d.inFile(first)
		}
	}
	if tab, isTab := yamltext.TabLine(text, first, message); isTab {
		found.line, message = d.inFile(tab), yamltext.Tab
	}
	found.message = "is not YAML: " + strings.Join(strings.Fields(message), " ")
	if content := content(text); content >= 0 && text[content] == '%' {
		found.message = "is a directive, which kubectl does not read: remove it"
	}
	if bytes.Contains(text, []byte("{{")) {
		found.message += "; templates have to be rendered first, as with helm template"
	}
	return found
}

// atOffset returns an error of the JSON decoder, which read the text from begin on, with
// its line in the file.
func (d *Document) atOffset(text []byte, begin int, err error) error {
	line := d.Line
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if offset := begin + int(syntactic.ByteOffset); offset <= len(text) {
			line = d.inFile(lineOf(text, offset))
		}
	}
	return &documentError{line, plainJSONError(err)}
}

// plainJSONError says what is wrong, and where in the object.
func plainJSONError(err error) string {
	return strings.TrimPrefix(wire.Located("", err).Error(), "the body: ")
}

// lineOf returns the line of an offset in a text, from 1.
func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }
