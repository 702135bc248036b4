// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// An Error is something wrong in a YAML file.
type Error struct {
	File    string
	Line    int    // from 1
	Path    string // such as spec.container.runAsUser; empty: the document
	Message string
}

// Error returns the error in the manner of compilers: FILE:LINE: PATH: MESSAGE. Characters
// that are not printable are replaced, so that a file cannot steer a terminal.
func (e *Error) Error() string {
	place := fmt.Sprintf("%s:%d: ", e.File, e.Line)
	if e.Path != "" {
		place += e.Path + ": "
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, place+e.Message)
}

// Problems collects what is wrong in files, for one report.
type Problems []*Error

// Err returns all problems as one error, in the order of files and lines, or nil.
func (p Problems) Err() error {
	slices.SortStableFunc(p, func(a, b *Error) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	errs := make([]error, 0, len(p))
	for _, problem := range p {
		errs = append(errs, problem)
	}
	return errors.Join(errs...)
}

// AddSyntax adds an error of go.yaml.in/yaml, which it returned for the data of a file.
func (p *Problems) AddSyntax(file string, data []byte, err error) {
	line, message := parseSyntax(data, err)
	*p = append(*p, &Error{File: file, Line: line, Message: "is not YAML: " + message})
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parseSyntax returns an error of the YAML library as its line and its message.
func parseSyntax(data []byte, err error) (line int, message string) {
	parts := syntaxLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if parts == nil {
		return 1, err.Error()
	}
	line, _ = strconv.Atoi(parts[1]) // empty where the library does not know it
	line = max(line, 1)
	if tab, found := TabLine(data, line, parts[2]); found {
		return tab, Tab
	}
	return line, parts[2]
}
