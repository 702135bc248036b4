// SPDX-License-Identifier: Apache-2.0

package known

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// A value of a file knows where it is, and reports what is wrong with it.
type value struct {
	node *yaml.Node
	file string
	path string
	all  *yamltext.Problems
}

// errorf reports that the value is wrong.
func (v value) errorf(format string, args ...any) {
	*v.all = append(*v.all, &yamltext.Error{File: v.file, Line: v.node.Line, Path: v.path, Message: fmt.Sprintf(format, args...)})
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
