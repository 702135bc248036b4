// SPDX-License-Identifier: Apache-2.0

package known

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/suggest"
)

// An Error is something wrong in a file of facts.
type Error struct {
	File    string
	Line    int    // from 1
	Path    string // such as nginx.uid; empty: the file
	Message string
}

// Error returns the error in the manner of compilers: FILE:LINE: PATH: MESSAGE.
func (e *Error) Error() string {
	place := fmt.Sprintf("%s:%d: ", e.File, e.Line)
	if e.Path != "" {
		place += e.Path + ": "
	}
	return place + e.Message
}

// problems collects what is wrong in a file, for one report.
type problems []*Error

// err returns all problems as one error, in the order of their lines, or nil.
func (p problems) err() error {
	slices.SortStableFunc(p, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, 0, len(p))
	for _, problem := range p {
		errs = append(errs, problem)
	}
	return errors.Join(errs...)
}

// A value is a value in a file, with what it takes to say where it is.
type value struct {
	node *yaml.Node
	file string
	path string
	all  *problems
}

// errorf reports that the value is wrong.
func (v value) errorf(format string, args ...any) {
	*v.all = append(*v.all, &Error{File: v.file, Line: v.node.Line, Path: v.path, Message: fmt.Sprintf(format, args...)})
}

// members returns the members of an object, in their order. It reports what is no object,
// names that are not among the known ones, and names that come twice.
func (v value) members(known []string) []member {
	if v.node.Kind != yaml.MappingNode {
		v.errorf("must be an object")
		return nil
	}
	var found []member
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		m := member{key.Value, value{v.node.Content[i+1], v.file, strings.TrimPrefix(v.path+"."+key.Value, "."), v.all}}
		m.node.Line = key.Line // where an empty value is nowhere
		switch {
		case slices.ContainsFunc(found, func(earlier member) bool { return earlier.name == m.name }):
			m.errorf("is there twice")
		case !slices.Contains(known, m.name):
			if closest := suggest.Closest(m.name, known); closest != "" {
				m.errorf("unknown field: did you mean %s?", closest)
			} else {
				m.errorf("unknown field: must be one of %s", strings.Join(known, ", "))
			}
		default:
			found = append(found, m)
		}
	}
	return found
}

// A member is one of an object's.
type member struct {
	name string
	value
}

// items returns the values of a list that is not empty, and reports what is none.
func (v value) items() []value {
	if v.node.Kind != yaml.SequenceNode || len(v.node.Content) == 0 {
		v.errorf("must be a list that is not empty")
		return nil
	}
	var items []value
	for i, node := range v.node.Content {
		items = append(items, value{node, v.file, fmt.Sprintf("%s[%d]", v.path, i), v.all})
	}
	return items
}

// decode decodes a plain value of a type, and reports what has another type.
func decode[T string | bool | int | int64](v value, be string) (T, bool) {
	var decoded T
	tag := map[reflect.Kind]string{reflect.String: "!!str", reflect.Bool: "!!bool", reflect.Int: "!!int", reflect.Int64: "!!int"}[reflect.TypeFor[T]().Kind()]
	if v.node.Kind != yaml.ScalarNode || v.node.Tag != tag || v.node.Decode(&decoded) != nil {
		v.errorf("must be %s", be)
		return decoded, false
	}
	return decoded, true
}
