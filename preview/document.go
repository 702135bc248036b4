// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/mutate"
)

// A document is one of a file's, with the objects in it.
type document struct {
	index      int // among those of the file that are not empty, from 1
	start, end int // of its text in the file
	line       int // in the file, from 1, where its content begins
	isJSON     bool
	found      bool // in a file that was found in a directory
	notObjects int  // found documents that are no objects of Kubernetes
	isManifest bool // it was read as an object or a list of objects
	objects    []*object
}

// An object is a document, or an item of a List in one.
type object struct {
	document   *document
	pointer    string // JSON pointer to it in the document
	line       int    // in the file, from 1
	apiVersion string
	kind       string
	raw        jsontext.Value
}

// A documentError is why a document, or an object in it, cannot be read.
type documentError struct {
	line    int // in the file; 0: unknown
	message string
}

func (e *documentError) Error() string { return e.message }

// documentsOf splits a file. Documents that are not whole are in the errors, which
// do not keep the others from being read.
func documentsOf(input Input) (documents []*document, errs []InputError) {
	for _, d := range split(input.Data) {
		d.found = input.Found
		for _, err := range unjoined(d.read(input.Data[d.start:d.end])) {
			line := d.line
			if located, ok := errors.AsType[*documentError](err); ok && located.line > 0 {
				line = located.line
			}
			errs = append(errs, InputError{File: input.Name, Document: d.index, Line: line, Message: err.Error()})
		}
		documents = append(documents, d)
	}
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

// read finds the objects in the text of a document.
func (d *document) read(text []byte) error {
	raw := jsontext.Value(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff"))))
	if d.isJSON {
		if err := checkJSON(raw); err != nil {
			return d.atOffset(text, err)
		}
	} else {
		converted, err := yamlToJSON(text)
		if err != nil {
			return d.yamlError(text, err)
		}
		if goesOn(text, converted) {
			return &documentError{d.line, "must be one object: put --- before what follows it"}
		}
		raw = converted
	}
	if raw.Kind() != '{' && d.found {
		d.notObjects++
		return nil
	}
	if raw.Kind() != '{' {
		return &documentError{d.line, "must be an object with apiVersion and kind"}
	}
	return d.add(text, &object{document: d, line: d.line, raw: raw})
}

// yamlToJSON refuses a key that is there twice, but for one that overrides what is
// merged (<<), which the strict conversion takes for the same.
func yamlToJSON(text []byte) ([]byte, error) {
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

// goesOn says whether something follows the object of a document, which a YAML
// library does not read. It can only follow one in flow style: what is in block style
// goes on to the end.
func goesOn(text []byte, object jsontext.Value) bool {
	if object.Kind() != '{' || !beginsWithBrace(text) {
		return false
	}
	decoder := yamlv3.NewDecoder(bytes.NewReader(text))
	var node yamlv3.Node
	return decoder.Decode(&node) == nil && !errors.Is(decoder.Decode(&node), io.EOF)
}

func checkJSON(raw jsontext.Value) error {
	var skipped jsontext.Value
	return json.Unmarshal(raw, &skipped)
}

// add adds an object to the document, or the items if it is a list.
func (d *document) add(text []byte, o *object) error {
	var header struct {
		APIVersion string           `json:"apiVersion"`
		Kind       string           `json:"kind"`
		Items      []jsontext.Value `json:"items"`
	}
	if err := json.Unmarshal(o.raw, &header); err != nil {
		return &documentError{o.line, plainJSONError(err)}
	}
	o.apiVersion, o.kind = cmp.Or(header.APIVersion, o.apiVersion), cmp.Or(header.Kind, o.kind)
	if o.apiVersion == "" && o.kind == "" && o.pointer == "" && d.found {
		d.notObjects++
		return nil
	}
	if o.apiVersion == "" && bytes.Contains(o.raw, []byte("\"\ufeffapiVersion\"")) {
		return &documentError{o.line, "begins with a byte order mark, which belongs at the begin of a file: remove it"}
	}
	if o.apiVersion == "" || o.kind == "" {
		return &documentError{o.line, "must have apiVersion and kind"}
	}
	d.isManifest = true
	itemKind, isList := strings.CutSuffix(o.kind, "List")
	if !isList || header.Items == nil {
		d.objects = append(d.objects, o)
		return nil
	}
	lines := d.itemLines(text, o)
	var errs []error
	for i, raw := range header.Items {
		item := &object{document: d, pointer: fmt.Sprintf("%s/items/%d", o.pointer, i), line: o.line, raw: raw}
		if i < len(lines) {
			item.line = lines[i]
		}
		// The items of a typed list, such as a PodList, need not say what they are.
		if itemKind != "" {
			item.apiVersion, item.kind = o.apiVersion, itemKind
		}
		if raw.Kind() != '{' {
			errs = append(errs, &documentError{item.line, fmt.Sprintf("items[%d]: must be an object", i)})
			continue
		}
		if err := d.add(text, item); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// itemLines returns the lines in the file on which the items of a list begin; nil
// for a list in a list.
func (d *document) itemLines(text []byte, list *object) []int {
	if list.pointer != "" {
		return nil
	}
	if d.isJSON {
		return d.jsonItemLines(text)
	}
	var node yamlv3.Node
	if yamlv3.Unmarshal(text, &node) != nil || len(node.Content) == 0 {
		return nil
	}
	root := node.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "items" {
			continue
		}
		var lines []int
		for _, item := range root.Content[i+1].Content {
			lines = append(lines, d.inFile(text, item.Line))
		}
		return lines
	}
	return nil
}

func (d *document) jsonItemLines(text []byte) []int {
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	line, counted := d.inFile(text, 1), 0
	var lines []int
	for {
		token, err := dec.ReadToken()
		if err != nil || dec.StackDepth() == 0 {
			return lines
		}
		if dec.StackDepth() != 1 || token.Kind() != '"' {
			continue
		}
		if token.String() != "items" || dec.PeekKind() != '[' {
			if dec.SkipValue() != nil {
				return lines
			}
			continue
		}
		if _, err := dec.ReadToken(); err != nil {
			return lines
		}
		for dec.PeekKind() != ']' {
			value, err := dec.ReadValue()
			if err != nil {
				return lines
			}
			start := int(dec.InputOffset()) - len(value)
			line += bytes.Count(text[counted:start], []byte("\n"))
			counted = start
			lines = append(lines, line)
		}
	}
}

// inFile turns a line of the document's text into one of the file.
func (d *document) inFile(text []byte, line int) int {
	return d.firstLine(text) + line - 1
}

// firstLine returns the line in the file on which the document's text begins: its
// content may begin below, after comments.
func (d *document) firstLine(text []byte) int {
	if d.isJSON {
		leading := len(text) - len(bytes.TrimLeft(text, "\ufeff \t\r\n"))
		return d.line - bytes.Count(text[:leading], []byte("\n"))
	}
	before := 0
	for part := range bytes.Lines(text) {
		if contentOf(part) {
			break
		}
		before++
	}
	return d.line - before
}

var yamlLine = regexp.MustCompile(`^(?:error converting YAML to JSON: )?yaml: (?:unmarshal errors:\s+)?(?:line (\d+): )?`)

// yamlError returns an error of the YAML library with its line in the file.
func (d *document) yamlError(text []byte, err error) error {
	message := err.Error()
	found := &documentError{line: d.line}
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		message = message[len(match[0]):]
		if line, err := strconv.Atoi(match[1]); err == nil {
			// The library counts a line more where the text ends too soon.
			last := lineOf(text, len(bytes.TrimRight(text, " \t\r\n")))
			found.line = d.inFile(text, min(line, last))
		}
	}
	found.message = "is not YAML: " + strings.Join(strings.Fields(message), " ")
	if bytes.Contains(text, []byte("{{")) {
		found.message += "; templates have to be rendered first, as with helm template"
	}
	return found
}

// atOffset returns an error of the JSON decoder with its line in the file.
func (d *document) atOffset(text []byte, err error) error {
	line := d.line
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		leading := len(text) - len(bytes.TrimLeft(text, "\ufeff \t\r\n"))
		if offset := leading + int(syntactic.ByteOffset); offset <= len(text) {
			line = d.inFile(text, lineOf(text, offset))
		}
	}
	return &documentError{line, plainJSONError(err)}
}

// plainJSONError says what is wrong, and where in the object.
func plainJSONError(err error) string {
	return strings.TrimPrefix(mutate.Located("", err).Error(), "the body: ")
}

// lineOf returns the line of an offset in a text, from 1.
func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }
