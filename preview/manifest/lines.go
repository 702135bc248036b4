// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	yamlv3 "go.yaml.in/yaml/v3"
)

// Lines returns the lines in the file on which members and items of a document begin, by
// their JSON pointers in it. A pointer that cannot be followed is left out.
func (f *File) Lines(d *Document, pointers []string) map[string]int {
	return d.linesOf(f.Data, pointers)
}

// linesOf returns the lines in the file on which members and items begin, by their JSON
// pointers in the document. A pointer that cannot be followed is left out.
func (d *Document) linesOf(file []byte, pointers []string) map[string]int {
	text := file[d.Start:d.End]
	before := d.First - 1
	if d.IsJSON {
		return jsonLines(text, before, pointers)
	}
	lines := map[string]int{}
	var node yamlv3.Node
	if yamlv3.Unmarshal(text, &node) != nil || len(node.Content) == 0 {
		return lines
	}
	for _, pointer := range pointers {
		if line := yamlLineOf(node.Content[0], slices.Collect(jsontext.Pointer(pointer).Tokens())); line > 0 {
			lines[pointer] = before + line
		}
	}
	return lines
}

// jsonLines reads the text once.
func jsonLines(text []byte, before int, pointers []string) map[string]int {
	lines, wanted := map[string]int{}, map[string]bool{}
	for _, pointer := range pointers {
		wanted[pointer] = true
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	line, counted := before+1, 0
	for len(wanted) > 0 {
		if _, err := dec.ReadToken(); err != nil {
			break
		}
		at := string(dec.StackPointer())
		if !wanted[at] {
			continue
		}
		delete(wanted, at)
		offset := int(dec.InputOffset())
		line += bytes.Count(text[counted:offset], []byte("\n"))
		counted = offset
		lines[at] = line
	}
	return lines
}

// yamlLineOf follows a pointer also through aliases and merges. It returns 0 where the
// pointer leads nowhere.
func yamlLineOf(node *yamlv3.Node, path []string) int {
	for node.Kind == yamlv3.AliasNode {
		node = node.Alias
	}
	if len(path) == 0 {
		return node.Line
	}
	switch node.Kind {
	case yamlv3.SequenceNode:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(node.Content) {
			return yamlLineOf(node.Content[i], path[1:])
		}
	case yamlv3.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			switch {
			case key.Value == path[0] && len(path) == 1:
				return key.Line
			case key.Value == path[0]:
				return yamlLineOf(value, path[1:])
			}
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Tag != "!!merge" {
				continue
			}
			merged := []*yamlv3.Node{node.Content[i+1]}
			if merged[0].Kind == yamlv3.SequenceNode {
				merged = merged[0].Content
			}
			for _, m := range merged {
				if line := yamlLineOf(m, path); line > 0 {
					return line
				}
			}
		}
	}
	return 0
}
