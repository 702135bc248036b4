// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// A value of a profile file knows where it is, and reports what is wrong with it.
type value struct {
	node     *yaml.Node
	file     string
	path     string
	problems *yamltext.Problems
}

// documents returns the documents of a file that are not empty. Where the YAML is
// broken it reports that and returns what stands before.
func documents(file File, all *yamltext.Problems) []value {
	var found []value
	for decoder := yaml.NewDecoder(bytes.NewReader(file.Data)); ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			all.AddSyntax(file.Name, file.Data, err)
			return found
		}
		if root := document.Content[0]; root.Tag != "!!null" {
			found = append(found, value{node: root, file: file.Name, problems: all})
		}
	}
}

// errorf reports that the value is wrong.
func (p value) errorf(format string, args ...any) {
	*p.problems = append(*p.problems, &yamltext.Error{File: p.file, Line: p.node.Line, Path: p.path, Message: fmt.Sprintf(format, args...)})
}

// must reports that the value is not what it must be.
func (p value) must(be string) { p.errorf("must be %s, is %s", be, p.shown()) }

// shown returns the value as JSON, as far as that is short.
func (p value) shown() string {
	const most = 80
	text, err := p.json()
	if err != nil {
		return "no JSON"
	}
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}

// json returns the value as JSON.
func (p value) json() ([]byte, error) {
	var value any
	if err := p.node.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value, json.Deterministic(true))
}

func (p value) isNull() bool { return p.resolved().Tag == "!!null" }

// resolved returns the node itself, or what it is an alias of.
func (p value) resolved() *yaml.Node {
	if p.node.Kind == yaml.AliasNode {
		return p.node.Alias
	}
	return p.node
}

// A member is one of an object's.
type member struct {
	name string
	value
}

// members returns the members of an object, in their order. What is no object,
// and names that come twice, it reports.
func (p value) members() []member {
	node := p.resolved()
	if node.Kind != yaml.MappingNode {
		p.must("an object")
		return nil
	}
	var all []member
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, child := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			value{node: key, file: p.file, path: p.path, problems: p.problems}.errorf("has a key that is no plain string")
			continue
		}
		m := member{key.Value, value{node: child, file: p.file, path: strings.TrimPrefix(p.path+"."+key.Value, "."), problems: p.problems}}
		if slices.ContainsFunc(all, func(earlier member) bool { return earlier.name == m.name }) {
			m.errorf("is there twice")
			continue
		}
		all = append(all, m)
	}
	return all
}

// peek returns a member of an object if it is a plain value, and reports nothing.
func (p value) peek(name string) string {
	content := p.resolved().Content
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == name {
			return content[i+1].Value
		}
	}
	return ""
}

// only returns the members of an object by name, and reports those with another
// name than the known ones.
func (p value) only(known ...string) map[string]value {
	found := map[string]value{}
	for _, m := range p.members() {
		if !slices.Contains(known, m.name) {
			m.unknown(m.name, known)
			continue
		}
		found[m.name] = m.value
	}
	return found
}

// unknown reports a name that is none of the known ones.
func (p value) unknown(name string, known []string) {
	closest := suggest.Closest(name, known)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, name+".") }); i >= 0 {
		closest = known[i]
	}
	if closest != "" {
		p.errorf("unknown field: did you mean %s?", closest)
		return
	}
	if len(known) == 1 {
		p.errorf("unknown field: there is only %s", known[0])
		return
	}
	p.errorf("unknown field: must be one of %s", strings.Join(known, ", "))
}

// elements returns the elements of a list that must not be empty.
func (p value) elements(be string) []value {
	node := p.resolved()
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		p.must(be)
		return nil
	}
	var all []value
	for i, element := range node.Content {
		all = append(all, value{node: element, file: p.file, path: fmt.Sprintf("%s[%d]", p.path, i), problems: p.problems})
	}
	return all
}

// text returns a string, which must not be empty.
func (p value) text(be string) string {
	node := p.resolved()
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" || node.Value == "" {
		p.must(be)
		return ""
	}
	return node.Value
}

// line returns a string that is one short line.
func (p value) line(be string) string {
	text := p.text(be)
	if len(text) > MaxLine || strings.ContainsAny(text, "\n\r\t") {
		p.errorf("must be one line of at most %d bytes", MaxLine)
	}
	return text
}
