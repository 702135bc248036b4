// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/defaults"
)

// Conditions are texts in CEL. The empty text and "false" stand for a condition that never
// holds, and "true" for one that always does, so that generated expressions hold no dead parts.

// anyOf returns the condition that at least one of the conditions holds.
func anyOf(conditions ...string) string {
	var parts []string
	for _, c := range conditions {
		switch c {
		case "", "false":
			continue
		case "true":
			return "true"
		}
		if strings.Contains(c, " ? ") {
			c = "(" + c + ")"
		}
		if !slices.Contains(parts, c) {
			parts = append(parts, c)
		}
	}
	if len(parts) == 0 {
		return "false"
	}
	return strings.Join(parts, " || ")
}

// allOf returns the condition that all of the conditions hold.
func allOf(conditions ...string) string {
	var parts []string
	for _, c := range conditions {
		switch c {
		case "", "false":
			return "false"
		case "true":
			continue
		}
		if strings.Contains(c, " || ") || strings.Contains(c, " ? ") {
			c = "(" + c + ")"
		}
		parts = append(parts, c)
	}
	if len(parts) == 0 {
		return "true"
	}
	return strings.Join(parts, " && ")
}

// not returns the condition that the condition does not hold.
func not(c string) string {
	switch c {
	case "", "false":
		return "true"
	case "true":
		return "false"
	}
	if strings.ContainsAny(c, " ") {
		return "!(" + c + ")"
	}
	return "!" + c
}

// choose returns the first expression where the condition holds, and the second one elsewhere.
func choose(condition, then, otherwise string) string {
	switch {
	case condition == "" || condition == "false":
		return otherwise
	case condition == "true" || then == otherwise:
		return then
	case then == "true" && otherwise == "false":
		return condition
	case then == "false" && otherwise == "true":
		return not(condition)
	}
	return condition + " ? " + then + " : " + otherwise
}

// isSet returns the condition that the security context at a place sets the field: with each
// object on the way to it.
func isSet(at string, f *defaults.Field) string {
	var conditions []string
	for name := range strings.SplitSeq(f.Name, ".") {
		at += "." + name
		conditions = append(conditions, "has("+at+")")
	}
	return allOf(conditions...)
}

// quote returns a text as CEL has it.
func quote(text string) string { return strconv.Quote(text) }

// list returns texts as a list.
func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// literal returns a JSON value as CEL has it. Members of one object may be of different types,
// which CEL takes only as dyn.
func literal(value []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		panic(fmt.Sprintf("internal error: the value of a default is no JSON: %s", err))
	}
	return literalOf(decoded)
}

func literalOf(value any) string {
	switch value := value.(type) {
	case bool:
		return strconv.FormatBool(value)
	case json.Number:
		return value.String()
	case string:
		return quote(value)
	case []any:
		elements := make([]string, len(value))
		for i, element := range value {
			elements[i] = literalOf(element)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case map[string]any:
		texts := 0
		for _, v := range value {
			if _, isText := v.(string); isText {
				texts++
			}
		}
		var members []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			member := literalOf(value[name])
			if texts < len(value) {
				member = "dyn(" + member + ")"
			}
			members = append(members, quote(name)+": "+member)
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	panic(fmt.Sprintf("internal error: a default has a value of %T", value))
}
